/*
 * conversion_core.c
 *		Conversions: which events are one, and what each is worth.
 */
#include "postgres.h"

#include "common/jsonapi.h"
#include "conversion_core.h"

/* An amount has at most so many digits. */
#define MAX_AMOUNT_BYTES 60

static const char *const known_keys[] = {
	"name", "event", "kind", "page", "host", "where", "value", "currency", "lookback", "count", NULL
};

static const char *const counts[] = {"each", "first", "once per session", NULL};

/* The members that say what an event must be, as a definition of their own. */
static JDef *
StepPart(const JDef *def)
{
	static const char *const step_keys[] = {"event", "kind", "page", "host", "where"};
	JDef	   *part = palloc(sizeof(JDef));

	*part = *def;
	part->items = palloc_array(JDef, lengthof(step_keys));
	part->count = 0;
	for (int i = 0; i < lengthof(step_keys); i++)
	{
		const JDef *member = JDefMember(def, step_keys[i]);

		if (member != NULL)
			part->items[part->count++] = *member;
	}
	return part;
}

/* Three capital letters. */
static bool
IsCurrencyCode(JStr s)
{
	for (int i = 0; i < s.len; i++)
		if (s.data[i] < 'A' || s.data[i] > 'Z')
			return false;
	return s.len == 3;
}

/* A number without an exponent, so that its digits are those that stand there. */
static bool
IsAmount(JStr s)
{
	return s.len <= MAX_AMOUNT_BYTES && memchr(s.data, 'e', s.len) == NULL &&
		memchr(s.data, 'E', s.len) == NULL && IsValidJsonNumber(s.data, s.len);
}

static void
CompileValue(const JDef *def, JConversion *conversion, JDefError *error)
{
	const JDef *value = JDefMember(def, "value");
	JStr		currency = JDefString(JDefMember(def, "currency"), error);

	if (value != NULL && value->type == JDEF_NUMBER)
	{
		conversion->number = JDefNumber(value, error);
		if (error->code == NULL && !IsAmount(conversion->number))
			JDefFail(error, J_DEF_VALUE, value, NULL, "it must be a number of at most %d digits without an exponent",
					 MAX_AMOUNT_BYTES - 2);
	}
	else
	{
		JStr		name = JDefString(value, error);

		if (JStrEqual(name, JSTR_LIT("revenue")))
			conversion->revenue = true;
		else if (!JStrIsNull(name) && !JStrEqual(name, JSTR_LIT("none")))
			conversion->property = name;
	}
	if (IsCurrencyCode(currency))
		conversion->currency = currency;
	else
		conversion->currency_property = currency;
}

/* Adds a definition, unless it only says how rows of a table are looked at; its name. */
static JStr
CompileOne(const JDef *def, JConversions *conversions, JDefError *error)
{
	JConversion conversion = {0};
	JDef	   *step_part;
	JStep		step;

	conversion.name = conversion.property = conversion.number = JSTR_NULL;
	conversion.currency = conversion.currency_property = JSTR_NULL;
	JDefCheckKeys(def, known_keys, error);
	conversion.name = JDefString(JDefRequire(def, "name", error), error);
	if (error->code == NULL && conversion.name.len == 0)
		JDefFail(error, J_DEF_VALUE, JDefMember(def, "name"), NULL, "it must not be empty");
	(void) JDefChoice(JDefMember(def, "count"), 0, counts, error);
	CompileValue(def, &conversion, error);
	step_part = StepPart(def);
	if (error->code != NULL || step_part->count == 0)
		return conversion.name;
	step = JStepFromDef(step_part, error);
	if (error->code != NULL)
		return conversion.name;
	conversions->conversion[conversions->steps.n] = conversion;
	JStepsAdd(&conversions->steps, step);
	return conversion.name;
}

void
JConversionsCompile(const JDef *list, JConversions *conversions, JDefError *error)
{
	int			n = JDefArray(list, error);
	JStr		names[J_MAX_CONVERSIONS];

	memset(conversions, 0, sizeof(JConversions));
	if (n > J_MAX_CONVERSIONS)
		JDefFail(error, J_DEF_SIZE, list, NULL, "there are more than %d conversions", J_MAX_CONVERSIONS);
	for (int i = 0; i < n && error->code == NULL; i++)
	{
		names[i] = CompileOne(&list->items[i], conversions, error);
		for (int j = 0; j < i && error->code == NULL; j++)
			if (JStrEqual(names[i], names[j]))
				JDefFail(error, J_DEF_VALUE, JDefMember(&list->items[i], "name"),
						 "What may be one of several events is one definition with a pattern.",
						 "another conversion has this name");
	}
}

/* A property that is a number, or a string that spells one as JSON does. */
static JStr
NumberProperty(const JEvent *event, JStr name)
{
	JConditionValue value = JPropertyOf(event->field[JF_PROPERTIES], name);

	return (value.type == JDEF_NUMBER || value.type == JDEF_STRING) && IsAmount(value.text) ? value.text :
		JSTR_NULL;
}

JStr
JConversionValue(const JConversion *conversion, const JEvent *event)
{
	if (!JStrIsNull(conversion->number))
		return conversion->number;
	if (conversion->revenue)
		return !JStrIsNull(event->field[JF_REVENUE]) ? event->field[JF_REVENUE] :
			NumberProperty(event, JSTR_LIT("revenue"));
	if (!JStrIsNull(conversion->property))
		return NumberProperty(event, conversion->property);
	return JSTR_NULL;
}

JStr
JConversionCurrency(const JConversion *conversion, const JEvent *event)
{
	if (!JStrIsNull(conversion->currency_property))
	{
		JConditionValue value = JPropertyOf(event->field[JF_PROPERTIES], conversion->currency_property);

		if (value.type == JDEF_STRING && value.text.len > 0)
			return value.text;
	}
	/* so much of the definition's own: in its currency, whatever the event's is */
	if (!JStrIsNull(conversion->number) && !JStrIsNull(conversion->currency))
		return conversion->currency;
	return !JStrIsNull(event->field[JF_CURRENCY]) ? event->field[JF_CURRENCY] : conversion->currency;
}

JUuid
JConversionId(const JConversion *conversion, const JEvent *event)
{
	return JUuidFrom(psprintf("conversion %.*s", conversion->name.len, conversion->name.data),
					 event->field[JF_VISITOR_ID], event->field[JF_EVENT_ID], event->first_copy);
}
