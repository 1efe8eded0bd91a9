/*
 * timeline_core.c
 *		The stored form of a set of events.
 *
 * A body is a header and the events in standard order, each written as what differs from the one
 * before:
 *
 *		byte		version
 *		byte		unit of all times: 0 microseconds, 1 milliseconds, 2 seconds
 *		number		of events
 *	then for each event
 *		number		time since the event before (the first: signed, since 2000)
 *		number		mask: which of the following parts there are, and which fields differ
 *		string		event id
 *		signed		[J_MASK_RECEIVED] received_at minus time
 *		number x 2	[J_MASK_COPIES] time minus first copy, last copy minus time
 *		value		[a field's bit] its new value, in the order of the bits
 *
 * A number has seven bits to the byte, the lowest first, as in protocol buffers; signed ones are
 * folded by zigzag. A string is a number and bytes: 0 and the 16 bytes of a uuid in lower case, 1
 * and the 16 bytes of 32 hexadecimal digits, or its length plus 2 and itself. A value is 0 for
 * NULL; an odd number whose half (rounded down) begins a string that has not occurred as a value
 * yet; or twice the number (from 1) of the string's first occurrence among all such. There is one
 * way only to write a set of events.
 */
#include "timeline_core.h"

#include "common/hashfn.h"
#include "common/int.h"
#include "datatype/timestamp.h"
#include "port/pg_bitutils.h"

#ifdef FRONTEND
#include "common/logging.h"
#else
#include "utils/memutils.h"
#endif

#define J_TIMELINE_VERSION 1
#define J_MAX_HEADER 12			/* version, unit, number of events */
#define J_MIN_EVENT 3			/* time, mask, empty event id */

/*
 * The bits of the mask, and with them the order of the fields: what differs most often fits the mask's
 * first byte. The event id has no bit, it is always there.
 */
#define J_MASK_RECEIVED 0x01
#define J_MASK_COPIES 0x0100
#define J_MASK_ALL 0x1fffff
#define J_MASK_FIELDS (J_MASK_ALL & ~(J_MASK_RECEIVED | J_MASK_COPIES))

static const uint8 bit_field[21] = {
	[1] = JF_NAME, JF_URL, JF_REFERRER, JF_PROPERTIES, JF_KIND, JF_USER_ID, JF_VISITOR_ID,
	[9] = JF_REVENUE, JF_CURRENCY, JF_ORDER_ID, JF_TRAITS, JF_SESSION_KEY, JF_PLATFORM, JF_SOURCE,
	JF_MEDIUM, JF_CAMPAIGN, JF_TERM, JF_CONTENT, JF_PREVIOUS_ID
};

StaticAssertDecl(lengthof(bit_field) == JF_COUNT + 1, "every field but the id must have a bit");

/* The field of the lowest bit, which must be one of J_MASK_FIELDS. */
#define JLowestField(mask) (bit_field[pg_rightmost_one_pos32(mask)])

static const int64 unit_usecs[] = {1, 1000, J_USECS_PER_SEC};

/* How a string begins: with one of these, or with its length plus J_STRING_PLAIN. */
#define J_STRING_UUID 0
#define J_STRING_HEX 1
#define J_STRING_PLAIN 2

#define J_UUID_LENGTH 36
#define J_HEX_LENGTH 32

/* Where the two digits of each byte stand in a string of 32 digits and in a uuid. */
static const uint8 hex_at[16] = {0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30};
static const uint8 uuid_at[16] = {0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34};
static const uint8 uuid_dash[4] = {8, 13, 18, 23};

/* -----------------------------------------------------------------------------------------------
 * building
 * -----------------------------------------------------------------------------------------------
 */

typedef struct JBuffer
{
	char	   *data;
	Size		used;
	Size		allocated;
} JBuffer;

/* Makes room for `more` bytes; false if the buffer would pass MaxAllocSize. */
static bool
JBufferReserve(JBuffer *buffer, Size more)
{
	if (more <= buffer->allocated - buffer->used)
		return true;
	if (more > MaxAllocSize - buffer->used)
		return false;
	buffer->allocated = Min(Max(buffer->allocated * 2, buffer->used + more), MaxAllocSize);
	buffer->data = repalloc(buffer->data, buffer->allocated);
	return true;
}

#define J_MAX_NUMBER 10			/* bytes of the longest number */

static inline char *
JPutNumber(char *p, uint64 number)
{
	while (number >= 0x80)
	{
		*p++ = (char) (number | 0x80);
		number >>= 7;
	}
	*p++ = (char) number;
	return p;
}

static inline uint64
JZigzag(int64 number)
{
	return ((uint64) number << 1) ^ (uint64) (number >> 63);
}

/* The value of a hexadecimal digit in lower case plus J_IS_DIGIT, 0 for all else. */
#define J_IS_DIGIT 0x10
static const uint8 hex_value[256] = {
	['0'] = 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19,
	['a'] = 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f
};

/* Packs a string of 32 digits, or a uuid, into 16 bytes; false if it is something else. */
static bool
JPackHex(JStr s, unsigned char *packed)
{
	const unsigned char *p = (const unsigned char *) s.data;
	const uint8 *at = hex_at;
	uint8		all = J_IS_DIGIT;

	if (s.len == J_UUID_LENGTH)
	{
		at = uuid_at;
		for (int i = 0; i < lengthof(uuid_dash); i++)
			if (p[uuid_dash[i]] != '-')
				return false;
	}
	else if (s.len != J_HEX_LENGTH)
		return false;

	/* without a branch per digit: this is done for nearly every event */
	for (int i = 0; i < 16; i++)
	{
		uint8		high = hex_value[p[at[i]]];
		uint8		low = hex_value[p[at[i] + 1]];

		all &= high & low;
		packed[i] = high << 4 | (low & 0x0f);
	}
	return all != 0;
}

/* Appends a string; as a value its first number is doubled and odd. */
static bool
JPutString(JBuffer *buffer, JStr s, bool as_value)
{
	unsigned char packed[16];
	bool		is_packed = JPackHex(s, packed);
	uint64		head = (uint64) s.len + J_STRING_PLAIN;
	char	   *p;

	if (is_packed)
	{
		head = s.len == J_UUID_LENGTH ? J_STRING_UUID : J_STRING_HEX;
		s = (JStr) {(char *) packed, sizeof(packed)};
	}
	if (!JBufferReserve(buffer, J_MAX_NUMBER + (Size) s.len))
		return false;
	p = JPutNumber(buffer->data + buffer->used, as_value ? head << 1 | 1 : head);
	memcpy(p, s.data, s.len);
	buffer->used = p + s.len - buffer->data;
	return true;
}

/* The distinct strings so far, by number; a hash table once there are more than a few. */
#define J_FEW_STRINGS 8

typedef struct JStringTable
{
	JStr	   *strings;
	int			count;
	int			allocated;
	int32	   *slots;			/* numbers from 1, 0 is free; NULL while the strings are few */
	uint32		slot_mask;
	JStr		local[J_FEW_STRINGS];
} JStringTable;

/* The slot that holds the string or is free for it. */
static int32 *
JStringSlot(JStringTable *table, JStr s)
{
	uint32		slot = hash_bytes((const unsigned char *) s.data, s.len);

	for (;; slot++)
	{
		int32	   *number = &table->slots[slot & table->slot_mask];

		if (*number == 0 || JStrEqual(table->strings[*number - 1], s))
			return number;
	}
}

/* Doubles the table. */
static void
JStringTableGrow(JStringTable *table)
{
	Size		size = sizeof(JStr) * 2 * (Size) table->allocated;

	if (table->slots == NULL)
	{
		table->strings = palloc(size);
		memcpy(table->strings, table->local, sizeof(table->local));
	}
	else
	{
		JStr	   *larger = palloc_extended(size, MCXT_ALLOC_HUGE);

		memcpy(larger, table->strings, size / 2);
		pfree(table->strings);
		pfree(table->slots);
		table->strings = larger;
	}
	table->allocated *= 2;
	size = sizeof(int32) * 2 * (Size) table->allocated;
	table->slots = palloc_extended(size, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	table->slot_mask = 2 * table->allocated - 1;
	for (int i = 0; i < table->count; i++)
		*JStringSlot(table, table->strings[i]) = i + 1;
}

/* The number of a string, from 1; 0 if it is new, and then it is added. */
static int
JStringNumber(JStringTable *table, JStr s)
{
	int32	   *slot = NULL;

	if (table->slots == NULL)
	{
		for (int i = 0; i < table->count; i++)
			if (JStrEqual(table->strings[i], s))
				return i + 1;
	}
	else
	{
		slot = JStringSlot(table, s);
		if (*slot != 0)
			return *slot;
	}
	if (table->count == table->allocated)
	{
		JStringTableGrow(table);
		slot = NULL;
	}
	table->strings[table->count++] = s;
	if (table->slots != NULL)
		*(slot != NULL ? slot : JStringSlot(table, s)) = table->count;
	return 0;
}

static bool
JPutValue(JBuffer *buffer, JStringTable *table, JStr s)
{
	int			number = JStrIsNull(s) ? 0 : JStringNumber(table, s);

	if (number == 0 && !JStrIsNull(s))
		return JPutString(buffer, s, true);
	if (!JBufferReserve(buffer, J_MAX_NUMBER))
		return false;
	buffer->used = JPutNumber(buffer->data + buffer->used, (uint64) number * 2) - buffer->data;
	return true;
}

/* The coarsest unit that divides all times. */
static int
JTimelineUnit(const JEvent *events, int n)
{
	int			unit = lengthof(unit_usecs) - 1;

	for (int i = 0; i < n && unit > 0; i++)
	{
		const JEvent *event = &events[i];
		int64		usecs = unit_usecs[unit];

		while (event->time % usecs != 0 ||
			   (event->received_at != J_NO_TIME && event->received_at % usecs != 0) ||
			   (event->first_copy != event->time && event->first_copy % usecs != 0) ||
			   (event->last_copy != event->time && event->last_copy % usecs != 0))
			usecs = unit_usecs[--unit];
	}
	return unit;
}

/*
 * Appends what comes before an event's fields. Differences wrap around: the reader adds them
 * likewise.
 */
static bool
JPutEvent(JBuffer *buffer, const JEvent *event, const JEvent *previous, uint32 mask, int64 usecs)
{
	int64		time = event->time / usecs;
	char	   *p;

	if (!JBufferReserve(buffer, 5 * J_MAX_NUMBER))
		return false;
	p = buffer->data + buffer->used;
	p = JPutNumber(p, previous ? (uint64) time - (uint64) (previous->time / usecs) : JZigzag(time));
	p = JPutNumber(p, mask);
	buffer->used = p - buffer->data;
	if (!JPutString(buffer, event->field[JF_EVENT_ID], false) ||
		!JBufferReserve(buffer, 3 * J_MAX_NUMBER))
		return false;
	p = buffer->data + buffer->used;
	if (mask & J_MASK_RECEIVED)
		p = JPutNumber(p, JZigzag((int64) ((uint64) (event->received_at / usecs) - (uint64) time)));
	if (mask & J_MASK_COPIES)
	{
		p = JPutNumber(p, (uint64) time - (uint64) (event->first_copy / usecs));
		p = JPutNumber(p, (uint64) (event->last_copy / usecs) - (uint64) time);
	}
	buffer->used = p - buffer->data;
	return true;
}

/* Which parts an event has after the previous one. */
static uint32
JEventMask(const JEvent *event, const JEvent *previous)
{
	uint32		mask = 0;

	if (event->received_at != J_NO_TIME)
		mask |= J_MASK_RECEIVED;
	if (event->first_copy != event->time || event->last_copy != event->time)
		mask |= J_MASK_COPIES;
	for (uint32 fields = J_MASK_FIELDS; fields != 0; fields &= fields - 1)
	{
		JField		field = JLowestField(fields);

		if (!JStrEqual(event->field[field], previous ? previous->field[field] : JSTR_NULL))
			mask |= fields & -fields;
	}
	return mask;
}

static bool
JPutEvents(JBuffer *buffer, JStringTable *table, const JEvent *events, int n, int64 usecs)
{
	for (int i = 0; i < n; i++)
	{
		const JEvent *previous = i > 0 ? &events[i - 1] : NULL;
		uint32		mask = JEventMask(&events[i], previous);

		CHECK_FOR_INTERRUPTS();
		if (!JPutEvent(buffer, &events[i], previous, mask, usecs))
			return false;
		for (mask &= J_MASK_FIELDS; mask != 0; mask &= mask - 1)
			if (!JPutValue(buffer, table, events[i].field[JLowestField(mask)]))
				return false;
	}
	return true;
}

char *
JTimelineBuild(const JEvent *events, int n, Size *size)
{
	JBuffer		buffer = {NULL, VARHDRSZ, 0};
	JStringTable table = {.allocated = J_FEW_STRINGS};
	int			unit = JTimelineUnit(events, n);
	char	   *p;
	bool		fits;

	table.strings = table.local;
	buffer.allocated = VARHDRSZ + J_MAX_HEADER + 64 * (Size) Min(n, 1024);
	buffer.data = palloc(buffer.allocated);
	p = buffer.data + buffer.used;
	*p++ = J_TIMELINE_VERSION;
	*p++ = unit;
	buffer.used = JPutNumber(p, n) - buffer.data;

	fits = JPutEvents(&buffer, &table, events, n, unit_usecs[unit]);
	if (table.slots != NULL)
	{
		pfree(table.strings);
		pfree(table.slots);
	}
	if (!fits)
	{
		pfree(buffer.data);
		return NULL;
	}
	*size = buffer.used;
	return buffer.data;
}

/* -----------------------------------------------------------------------------------------------
 * reading
 *
 * Every step is checked against the body's end and the range of times, whether the body is trusted
 * or not: damage on disk must not become a crash. What `check` adds is that the body is the
 * canonical one.
 * -----------------------------------------------------------------------------------------------
 */

/* Unpacked strings lie in chunks that never move. */
typedef struct JChunk
{
	struct JChunk *next;
	char		data[FLEXIBLE_ARRAY_MEMBER];
} JChunk;

#define J_MAX_CHUNK 65536

struct JTimelineReader
{
	const char *next;			/* the first byte not read */
	const char *end;
	int64		usecs;			/* in a unit of time */
	int			count;			/* of all events */
	int			left;			/* events not read */
	const char *error;			/* why reading failed, or NULL */
	JEvent		event;			/* the last one read */
	uint64		time;			/* its time, in units */
	JStr	   *strings;		/* those that occurred as values, by number less 1 */
	int			string_count;
	int			string_allocated;
	char	   *free;			/* room for unpacked strings */
	Size		free_size;
	Size		chunk_size;		/* of the next chunk */
	JChunk	   *chunks;
	bool		without_ids;	/* event ids are passed over */
	JStr		local_strings[16];
	char		local_data[16 * J_UUID_LENGTH];
};

/* Remembers the first reason; reads nothing more. */
static bool
JReadFail(JTimelineReader *reader, const char *error)
{
	if (reader->error == NULL)
		reader->error = error;
	reader->next = reader->end;
	return false;
}

static inline bool
JReadNumber(JTimelineReader *reader, uint64 *number)
{
	uint64		result = 0;

	/* most have one byte */
	if (reader->next < reader->end && (*reader->next & 0x80) == 0)
	{
		*number = *reader->next++;
		return true;
	}
	for (int shift = 0; shift < 64 && reader->next < reader->end; shift += 7)
	{
		unsigned char byte = *reader->next++;

		result |= (uint64) (byte & 0x7f) << shift;
		if (byte < 0x80)
		{
			*number = result;
			return true;
		}
	}
	return JReadFail(reader, "a number is cut off or too long");
}

/* Room for a string of up to J_UUID_LENGTH bytes. */
static char *
JReaderRoom(JTimelineReader *reader, int len)
{
	char	   *room;

	if (reader->free_size < len)
	{
		JChunk	   *chunk = palloc(offsetof(JChunk, data) + reader->chunk_size);

		chunk->next = reader->chunks;
		reader->chunks = chunk;
		reader->free = chunk->data;
		reader->free_size = reader->chunk_size;
		reader->chunk_size = Min(reader->chunk_size * 2, J_MAX_CHUNK);
	}
	room = reader->free;
	reader->free += len;
	reader->free_size -= len;
	return room;
}

/* Reads a string that begins with the number `head`. */
static bool
JReadString(JTimelineReader *reader, uint64 head, JStr *result)
{
	static const char digits[] = "0123456789abcdef";
	Size		left = reader->end - reader->next;
	const unsigned char *packed = (const unsigned char *) reader->next;
	const uint8 *at = hex_at;
	char	   *p;

	if (head >= J_STRING_PLAIN)
	{
		if (head - J_STRING_PLAIN > left)
			return JReadFail(reader, "a string is cut off");
		*result = (JStr) {reader->next, (int32) (head - J_STRING_PLAIN)};
		reader->next += result->len;
		return true;
	}
	if (left < 16)
		return JReadFail(reader, "a string is cut off");
	result->len = head == J_STRING_UUID ? J_UUID_LENGTH : J_HEX_LENGTH;
	result->data = p = JReaderRoom(reader, result->len);
	if (head == J_STRING_UUID)
	{
		at = uuid_at;
		for (int i = 0; i < lengthof(uuid_dash); i++)
			p[uuid_dash[i]] = '-';
	}
	for (int i = 0; i < 16; i++)
	{
		p[at[i]] = digits[packed[i] >> 4];
		p[at[i] + 1] = digits[packed[i] & 15];
	}
	reader->next += 16;
	return true;
}

/* Passes over such a string. */
static bool
JSkipString(JTimelineReader *reader, uint64 head)
{
	uint64		size = head >= J_STRING_PLAIN ? head - J_STRING_PLAIN : 16;

	if (size > reader->end - reader->next)
		return JReadFail(reader, "a string is cut off");
	reader->next += size;
	return true;
}

/* Keeps a string for later references to it. */
static void
JRememberString(JTimelineReader *reader, JStr s)
{
	if (reader->string_count == reader->string_allocated)
	{
		Size		size = sizeof(JStr) * (Size) reader->string_count;
		JStr	   *larger = palloc_extended(size * 2, MCXT_ALLOC_HUGE);

		memcpy(larger, reader->strings, size);
		if (reader->strings != reader->local_strings)
			pfree(reader->strings);
		reader->strings = larger;
		reader->string_allocated *= 2;
	}
	reader->strings[reader->string_count++] = s;
}

static bool
JReadValue(JTimelineReader *reader, JStr *value)
{
	uint64		number;

	if (!JReadNumber(reader, &number))
		return false;
	if (number & 1)
	{
		if (!JReadString(reader, number >> 1, value))
			return false;
		JRememberString(reader, *value);
	}
	else if (number == 0)
		*value = JSTR_NULL;
	else if (number / 2 <= reader->string_count)
		*value = reader->strings[number / 2 - 1];
	else
		return JReadFail(reader, "a string that does not exist is referred to");
	return true;
}

/* Turns a time in the body's unit into microseconds. */
static bool
JReadTime(JTimelineReader *reader, uint64 units, int64 *time)
{
	if (pg_mul_s64_overflow((int64) units, reader->usecs, time) || !IS_VALID_TIMESTAMP(*time))
		return JReadFail(reader, "a time is out of range");
	return true;
}

/*
 * Reads a signed or unsigned difference and gives the time that lies so far from `base` (in
 * units).
 */
static bool
JReadTimeFrom(JTimelineReader *reader, uint64 base, int sign, int64 *time)
{
	uint64		number;

	if (!JReadNumber(reader, &number))
		return false;
	if (sign == 0)
		number = (number >> 1) ^ -(number & 1);
	return JReadTime(reader, sign < 0 ? base - number : base + number, time);
}

/* Reads what comes before an event's fields. */
static bool
JReadHead(JTimelineReader *reader, uint32 *mask)
{
	JEvent	   *event = &reader->event;
	bool		is_first = reader->left == reader->count;
	uint64		time;
	uint64		number;

	if (!JReadNumber(reader, &number))
		return false;
	time = is_first ? (number >> 1) ^ -(number & 1) : reader->time + number;
	if (!JReadTime(reader, time, &event->time) || !JReadNumber(reader, &number))
		return false;
	if (number > J_MASK_ALL)
		return JReadFail(reader, "an event has unknown fields");
	*mask = (uint32) number;
	reader->time = time;

	if (!JReadNumber(reader, &number) ||
		!(reader->without_ids ? JSkipString(reader, number) :
		  JReadString(reader, number, &event->field[JF_EVENT_ID])))
		return false;
	event->received_at = J_NO_TIME;
	if ((*mask & J_MASK_RECEIVED) && !JReadTimeFrom(reader, time, 0, &event->received_at))
		return false;
	event->first_copy = event->last_copy = event->time;
	if ((*mask & J_MASK_COPIES) &&
		(!JReadTimeFrom(reader, time, -1, &event->first_copy) ||
		 !JReadTimeFrom(reader, time, 1, &event->last_copy)))
		return false;
	if (event->first_copy > event->time || event->last_copy < event->time)
		return JReadFail(reader, "an event lies outside its copies");
	return true;
}

static bool
JReadEvent(JTimelineReader *reader)
{
	uint32		mask;

	CHECK_FOR_INTERRUPTS();
	if (!JReadHead(reader, &mask))
		return false;
	for (mask &= J_MASK_FIELDS; mask != 0; mask &= mask - 1)
		if (!JReadValue(reader, &reader->event.field[JLowestField(mask)]))
			return false;
	reader->left--;
	if (reader->left == 0 && reader->next != reader->end)
		return JReadFail(reader, "there is more than its events");
	return true;
}

/*
 * Reads the header of a body. What the reader holds of another body's strings stays where it is.
 */
static void
JReaderStart(JTimelineReader *reader, const char *body, Size len)
{
	uint64		count = 0;

	memset(&reader->event, 0, sizeof(JEvent));
	reader->next = body;
	reader->end = body + len;
	reader->usecs = 1;
	reader->count = reader->left = 0;
	reader->error = NULL;
	reader->string_count = 0;

	if (len < 3)
		JReadFail(reader, "it is too short");
	else if (body[0] != J_TIMELINE_VERSION)
		JReadFail(reader, "its version is not known");
	else if ((unsigned char) body[1] >= lengthof(unit_usecs))
		JReadFail(reader, "its unit of time is not known");
	else
	{
		reader->usecs = unit_usecs[(int) body[1]];
		reader->next += 2;
		if (JReadNumber(reader, &count) && count > (reader->end - reader->next) / J_MIN_EVENT)
			JReadFail(reader, "it is too short for its number of events");
		else if (count > JTIMELINE_MAX_EVENTS)
			JReadFail(reader, "it has too many events");
		else if (count == 0 && reader->next != reader->end)
			JReadFail(reader, "there is more than its events");
	}
	if (reader->error == NULL)
		reader->count = reader->left = (int) count;
}

static JTimelineReader *
JReaderMake(void)
{
	JTimelineReader *reader = palloc(sizeof(JTimelineReader));

	reader->strings = reader->local_strings;
	reader->string_allocated = lengthof(reader->local_strings);
	reader->free = reader->local_data;
	reader->free_size = sizeof(reader->local_data);
	reader->chunk_size = 1024;
	reader->chunks = NULL;
	reader->without_ids = false;
	return reader;
}

/* Reads all events that are left into a new array that grows with what is really there. */
static JEvent *
JReadAll(JTimelineReader *reader, int *n)
{
	Size		allocated = Min(reader->left, 1024);
	JEvent	   *events = palloc(sizeof(JEvent) * Max(allocated, 1));

	*n = 0;
	while (reader->left > 0 && JReadEvent(reader))
	{
		if (*n == allocated)
		{
			JEvent	   *larger;

			allocated = Min(allocated * 2, (Size) *n + reader->left + 1);
			larger = palloc_extended(sizeof(JEvent) * allocated, MCXT_ALLOC_HUGE);
			memcpy(larger, events, sizeof(JEvent) * *n);
			pfree(events);
			events = larger;
		}
		events[(*n)++] = reader->event;
	}
	return events;
}

/* Whether a body is what JTimelineBuild() makes of its events; if not, why. */
static const char *
JTimelineCheck(const char *body, Size len)
{
	JTimelineReader *reader = JReaderMake();
	const char *error;
	int			n;
	JEvent	   *events;

	JReaderStart(reader, body, len);
	events = JReadAll(reader, &n);
	error = reader->error;
	if (error == NULL)
	{
		Size		size = 0;
		char	   *built = JTimelineBuild(events, JEventsCanonicalise(events, n), &size);

		if (built == NULL || size != VARHDRSZ + len || memcmp(built + VARHDRSZ, body, len) != 0)
			error = "its events are not in standard form";
		if (built != NULL)
			pfree(built);
	}
	pfree(events);
	JTimelineClose(reader);
	return error;
}

/* A body that was good when it was made, and is damaged now. */
static void
JTimelineDamaged(const char *error)
{
#ifdef FRONTEND
	pg_log_error("timeline is damaged: %s", error);
	abort();
#else
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("timeline is damaged"),
			 errdetail_internal("In the stored value, %s.", error)));
#endif
}

JTimelineReader *
JTimelineOpen(const char *body, Size len, bool check, const char **error)
{
	JTimelineReader *reader;

	if (check && (*error = JTimelineCheck(body, len)) != NULL)
		return NULL;
	reader = JReaderMake();
	JTimelineReopen(reader, body, len);
	return reader;
}

void
JTimelineReopen(JTimelineReader *reader, const char *body, Size len)
{
	JReaderStart(reader, body, len);
	if (reader->error != NULL)
		JTimelineDamaged(reader->error);
}

int
JTimelineCount(const JTimelineReader *reader)
{
	return reader->count;
}

bool
JTimelineNext(JTimelineReader *reader, JEvent *event)
{
	if (reader->left == 0)
		return false;
	if (!JReadEvent(reader))
		JTimelineDamaged(reader->error);
	*event = reader->event;
	return true;
}

const JEvent *
JTimelineNextWithoutId(JTimelineReader *reader)
{
	if (reader->left == 0)
		return NULL;
	reader->without_ids = true;
	if (!JReadEvent(reader))
		JTimelineDamaged(reader->error);
	return &reader->event;
}

JEvent *
JTimelineEvents(JTimelineReader *reader, int *n)
{
	JEvent	   *events = JReadAll(reader, n);

	if (reader->error != NULL)
		JTimelineDamaged(reader->error);
	return events;
}

void
JTimelineClose(JTimelineReader *reader)
{
	while (reader->chunks != NULL)
	{
		JChunk	   *next = reader->chunks->next;

		pfree(reader->chunks);
		reader->chunks = next;
	}
	if (reader->strings != reader->local_strings)
		pfree(reader->strings);
	pfree(reader);
}
