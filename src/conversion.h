/*
 * conversion.h
 *		Conversions of events as a model stores them.
 */
#ifndef CONVERSION_H
#define CONVERSION_H

#include "conversion_core.h"
#include "journey_sql.h"

/* Compiles the option "conversions" of a model, in the current memory context; NULL where there is none. */
extern JConversions *JConversionsFromJsonb(Jsonb *list);

/*
 * What the definitions make of an event: an array with an object for each that it is, of id, name, value,
 * currency, and what the event tells beside that: email, phone, consent. False: it is none.
 */
extern bool JConversionsOfEvent(JConversions *conversions, const JEvent *event, Datum *jsonb);

#endif							/* CONVERSION_H */
