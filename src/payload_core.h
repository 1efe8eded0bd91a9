/*
 * payload_core.h
 *		Events out of raw JSON, as the vendors send and deliver them.
 *
 * Nothing in a payload is an error of ours: what cannot be read is told by a code and the offset of a
 * byte, never by a piece of it. A look without recursion bounds depth and finds where values end
 * before PostgreSQL's lexer reads them token by token; nothing recurses here. Memory is
 * proportional to the payload, whose size is bounded.
 */
#ifndef PAYLOAD_CORE_H
#define PAYLOAD_CORE_H

#include "journey_core.h"

/* Limits. They are far beyond what the vendors accept (4 MB a batch, 32 kB an event, depth 200). */
#define J_PAYLOAD_BYTES (64 * 1024 * 1024)
#define J_PAYLOAD_DEPTH 256
#define J_PAYLOAD_TOKENS 200000	/* of one event */
#define J_PAYLOAD_DIGITS 1000	/* bytes of a number, and its exponent */

/* Why something is no event. `code` NULL: it is one. */
typedef struct JPayloadError
{
	const char *code;			/* a word, see JPayloadFail() in payload_core.c */
	const char *what;			/* a sentence on it */
	int32		offset;			/* of a byte of the payload, from 0 */
} JPayloadError;

/* The names of properties that an event of this name has its revenue in. */
typedef struct JPayloadRevenue
{
	JStr		event;			/* slug of the event's name */
	int			n;
	JStr	   *properties;		/* the first that is an amount counts */
	bool	   *negative;		/* whether it takes off */
} JPayloadRevenue;

typedef struct JPayloadOptions
{
	int			encoding;		/* of the payload, and of the result */
	bool		verify;			/* whether the encoding must be checked, too */
	bool		(*has_character) (uint32 c);	/* whether it has one beyond ASCII; NULL: all */
	bool		wire;			/* "timestamp" is the client's clock, and "receivedAt" no one's */
	bool		raw_ids;		/* ids as sent, NULL where none is: the caller judges them, and makes ids of events */
	int64		received_at;	/* where the payload does not say, or J_NO_TIME */
	bool		default_revenue;	/* the usual names, not those below */
	int			n_revenue;
	JPayloadRevenue *revenue;
} JPayloadOptions;

/* Raw JSON of an event's traits, in the order in which later ones win. */
typedef enum JPayloadTraits
{
	JTRAITS_USER_PROPERTIES,
	JTRAITS_CONTEXT,
	JTRAITS_OWN,
	JTRAITS_COUNT
} JPayloadTraits;

/*
 * An event. Strings point into the payload or are palloc'd. Properties are raw JSON, an object that
 * the lexer has read; JF_TRAITS is not set, since traits are merged of up to three objects.
 */
typedef struct JPayloadEvent
{
	int64		time;
	int64		received_at;	/* or J_NO_TIME */
	JStr		field[JF_COUNT];
	JStr		traits[JTRAITS_COUNT];	/* of an identify */
	bool		own_url;		/* these are of the properties, not of the context or the event */
	bool		own_referrer;
	bool		own_name;
	bool		visitor_is_user;	/* there is no device: the visitor is "user:" and the user */
	JStr		group_id;		/* of a group, whose properties are its traits */
	JStr		campaign_id;	/* of what may make a touch: becomes a property */
	JStr		ip;				/* for the option "exclude": no fields of an event */
	JStr		user_agent;
	JStr		text;			/* what it was read from; NULL: the payload as a whole */
	int32		nuls;			/* how many \u0000 were taken out */
	int32		offset;			/* where it begins in the payload */
	JPayloadError error;
} JPayloadEvent;

typedef enum JPayloadForm
{
	JFORM_EVENT,				/* one event */
	JFORM_BATCH,				/* {"batch": [..]} */
	JFORM_ARRAY,				/* [..] */
	JFORM_LINES,				/* JSON lines; each line may be any of the other forms */
	JFORM_ARCHIVE				/* {"payload": an event, or its text, ..} */
} JPayloadForm;

/* Is given each event of a payload, in order; it is gone when the function returns. */
typedef void (*JPayloadSink) (const JPayloadEvent *event, void *arg);

/*
 * Reads a payload and gives each event to the sink, those that are none with their error. What is
 * no payload as a whole is one event with an error. Returns the form of the whole.
 *
 * Memory that an event takes is the caller's to free: `arg` may reset a context in the sink, as long
 * as it does so at the end of each call and the payload lies elsewhere.
 */
extern JPayloadForm JPayloadRead(JStr payload, const JPayloadOptions *options, JPayloadSink sink,
								 void *arg);

/* A word for a form. */
extern const char *JPayloadFormName(JPayloadForm form);

/*
 * An event's name as the loaders make that of a table: ASCII letters in lower case, runs of other ASCII characters but
 * digits as one "_", none at the ends. Into dest, which has room for as many bytes as the name has.
 */
extern int	JEventSlug(JStr name, char *dest);

/* Whether a text is an amount: a number, with "$" or not. Gives it as numeric_in() reads it. */
extern bool JAmount(JStr text, JStr *amount);

#endif							/* PAYLOAD_CORE_H */
