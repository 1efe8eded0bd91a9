/*
 * row_core.h
 *		A row of events as flat bytes: what comes in is kept so until all of a visitor is there.
 *
 * Unaligned, one after the other: the time, the mask of the fields that are not NULL (bit by JField),
 * received_at if there is one, and for each field its length and bytes. Never leaves the server.
 */
#ifndef ROW_CORE_H
#define ROW_CORE_H

#include "journey_core.h"

#include "port/pg_bitutils.h"

typedef struct JRow
{
	int64		time;
	int64		received_at;	/* set if J_ROW_RECEIVED is in the mask */
	uint32		mask;
	JStr		field[JF_COUNT];	/* those in the mask are set */
} JRow;

#define J_ROW_RECEIVED (((uint32) 1) << 31)
#define J_ROW_FIELDS (J_ROW_RECEIVED - 1)

/* A length is one byte, or this byte and four more. */
#define J_ROW_LONG 255

/* A row in bytes has at least these. */
#define J_ROW_HEADER (sizeof(int64) + sizeof(uint32))

#define J_ROW_PUT(p, value) (memcpy(p, &(value), sizeof(value)), (p) += sizeof(value))
#define J_ROW_GET(p, value) (memcpy(&(value), p, sizeof(value)), (p) += sizeof(value))

static inline void
JRowStart(JRow *row, int64 time)
{
	row->time = time;
	row->mask = 0;
}

static inline void
JRowSetReceived(JRow *row, int64 received_at)
{
	row->received_at = received_at;
	row->mask |= J_ROW_RECEIVED;
}

static inline void
JRowSet(JRow *row, JField field, const char *data, int32 len)
{
	row->field[field] = (JStr) {data, len};
	row->mask |= ((uint32) 1) << field;
}

/* The bytes that the row will take. */
static inline Size
JRowSize(const JRow *row)
{
	Size		size = J_ROW_HEADER + (row->mask & J_ROW_RECEIVED ? sizeof(int64) : 0);

	for (uint32 mask = row->mask & J_ROW_FIELDS; mask != 0; mask &= mask - 1)
	{
		int32		len = row->field[pg_rightmost_one_pos32(mask)].len;

		size += (Size) len + (len < J_ROW_LONG ? 1 : 1 + sizeof(int32));
	}
	return size;
}

static inline char *
JRowPut(char *p, const JRow *row)
{
	J_ROW_PUT(p, row->time);
	J_ROW_PUT(p, row->mask);
	if (row->mask & J_ROW_RECEIVED)
		J_ROW_PUT(p, row->received_at);
	for (uint32 mask = row->mask & J_ROW_FIELDS; mask != 0; mask &= mask - 1)
	{
		JStr		field = row->field[pg_rightmost_one_pos32(mask)];

		*p++ = (char) (field.len < J_ROW_LONG ? field.len : J_ROW_LONG);
		if (field.len >= J_ROW_LONG)
			J_ROW_PUT(p, field.len);
		memcpy(p, field.data, field.len);
		p += field.len;
	}
	return p;
}

static inline const char *
JRowGetField(const char *p, JStr *field)
{
	field->len = (unsigned char) *p++;
	if (field->len == J_ROW_LONG)
		J_ROW_GET(p, field->len);
	field->data = p;
	return p + field->len;
}

/* Makes an event of a row; its strings point into the row. Returns where the row ends. */
static inline const char *
JRowGet(const char *p, JEvent *event)
{
	uint32		mask;

	J_ROW_GET(p, event->time);
	J_ROW_GET(p, mask);
	event->received_at = J_NO_TIME;
	if (mask & J_ROW_RECEIVED)
		J_ROW_GET(p, event->received_at);
	event->first_copy = event->last_copy = event->time;
	event->tag = 0;
	event->merged = false;
	memset(event->field, 0, sizeof(event->field));
	for (mask &= J_ROW_FIELDS; mask != 0; mask &= mask - 1)
		p = JRowGetField(p, &event->field[pg_rightmost_one_pos32(mask)]);
	return p;
}

/* The time and the visitor of a row, without the rest. */
static inline int64
JRowTime(const char *p)
{
	int64		time;

	memcpy(&time, p, sizeof(time));
	return time;
}

static inline JStr
JRowVisitor(const char *p)
{
	JStr		field = JSTR_NULL;
	uint32		mask;

	p += sizeof(int64);
	J_ROW_GET(p, mask);
	if ((mask & (1 << JF_VISITOR_ID)) == 0)
		return JSTR_NULL;
	if (mask & J_ROW_RECEIVED)
		p += sizeof(int64);
	if (mask & (1 << JF_EVENT_ID))
		p = JRowGetField(p, &field);
	(void) JRowGetField(p, &field);
	return field;
}

#endif							/* ROW_CORE_H */
