/*
 * conversion_core.h
 *		Conversions: which events are one, and what each is worth.
 *
 * A definition says what an event must be, as a step of a funnel does, and where the value stands:
 *
 *	{"name": "Lead", "event": "Lead Created", "where": {"form": "demo"}, "value": "amount", "currency": "EUR",
 *	 "lookback": "30 days", "count": "first"}
 *
 * `lookback` and `count` are of no concern to an event alone: the model reads them when it looks at a
 * person's conversions together. A definition that asks for no event says these of conversions that come as
 * rows of a table.
 */
#ifndef CONVERSION_CORE_H
#define CONVERSION_CORE_H

#include "steps_core.h"

/* Definitions of a model. */
#define J_MAX_CONVERSIONS JSTEPS_ROOM

typedef struct JConversion
{
	JStr		name;
	bool		revenue;		/* worth the event's revenue; without one the property of that name */
	JStr		property;		/* or a property; NULL: neither */
	JStr		number;			/* or always so much */
	JStr		currency;		/* a code; NULL: that of the event alone */
	JStr		currency_property;
} JConversion;

typedef struct JConversions
{
	JSteps		steps;			/* step i is what an event of definition i must be */
	JConversion conversion[J_MAX_CONVERSIONS];
} JConversions;

/* Compiles a list of definitions; names must differ. Its strings are those of the document. */
extern void JConversionsCompile(const JDef *list, JConversions *conversions, JDefError *error);

/* The definitions that an event is, bit by index. JStepsBegin() before the events of another reader. */
static inline uint64
JConversionsMatch(JConversions *conversions, const JEvent *event)
{
	return JStepsMatch(&conversions->steps, event, JSTR_NULL);
}

/* What an event is worth as a conversion, as a number's text; NULL: nothing is known. */
extern JStr JConversionValue(const JConversion *conversion, const JEvent *event);

/* In which currency, as it is written; NULL: nothing is known. */
extern JStr JConversionCurrency(const JConversion *conversion, const JEvent *event);

/* The id of an event's conversion: stays when copies come that are dated later, and whoever it goes to. */
extern JUuid JConversionId(const JConversion *conversion, const JEvent *event);

#endif							/* CONVERSION_CORE_H */
