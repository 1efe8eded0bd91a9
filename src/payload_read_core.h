/*
 * payload_read_core.h
 *		What the two halves of the payload's core share: reading token by token.
 */
#ifndef PAYLOAD_READ_CORE_H
#define PAYLOAD_READ_CORE_H

#include "payload_scan_core.h"

#include "common/jsonapi.h"

/* A text that is read token by token. Only strings that have escapes are written anew. */
typedef struct JReader
{
	JsonLexContext *lex;		/* with the current token */
	StringInfo	unescaped;		/* where it writes them */
	JStr		string;			/* the current token, if it is a string: in the text, or what was written */
	JStr		text;
	int32		base;			/* where the text stands in the payload */
	int			tokens;			/* how many were read */
	JPayloadError *error;
} JReader;

extern void JReaderInit(JReader *reader, JStr text, int32 base, int encoding, JPayloadError *error);
extern void JReaderFree(JReader *reader);
extern bool JReaderNext(JReader *reader);

/* The string that is the current token, to be kept. */
extern JStr JReaderString(const JReader *reader);

/* Reads the value whose first token is the current one, up to its last token. */
extern bool JReaderSkip(JReader *reader);

/* Reads a value as a time: J_NO_TIME where it is none. */
extern void JReaderTime(JReader *reader, int64 *time);

/* source, medium, name, term, content */
#define J_CAMPAIGN_FIELDS 5

/* What counts of an event's "context". */
typedef struct JPayloadContext
{
	bool		bad;			/* it is there, and no object */
	JStr		page_url;
	JStr		page_referrer;
	JStr		campaign[J_CAMPAIGN_FIELDS];
	JStr		campaign_id;
	JStr		traits;			/* raw */
	JStr		session_id;
	JStr		ip;
	JStr		user_agent;
} JPayloadContext;

/* Reads the value of "context" over what is in there: a key replaces what an envelope had under it. */
extern void JReaderContext(JReader *reader, JPayloadContext *context);

/* What an event takes from around it where it lacks it itself. */
typedef struct JPayloadEnvelope
{
	JPayloadContext context;
	int64		sent_at;
	int64		received_at;
} JPayloadEnvelope;

/* Reads one event, which stands at `base`. Sets all but `nuls` and `offset`, which are set. */
extern void JReadEvent(JStr text, int32 base, const JPayloadEnvelope *envelope,
					   const JPayloadOptions *options, JPayloadEvent *event);

#endif							/* PAYLOAD_READ_CORE_H */
