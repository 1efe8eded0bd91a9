/*
 * condition_core.c
 *		Conditions on the properties of an event.
 */
#include "condition_core.h"

#include "common/jsonapi.h"
#include "mb/pg_wchar.h"

/* --------------------------------------------------------------------------------------------
 * numbers
 * --------------------------------------------------------------------------------------------
 */

/* A number in JSON's form as 0.DIGITS times ten to a power. */
typedef struct Decimal
{
	int			sign;			/* 0 for zero */
	int64		point;			/* the power of ten */
	JStr		digits;			/* with the decimal point in it; neither zeros nor the point first */
} Decimal;

/* A power beyond this is as good as infinite; no sum of two overflows. */
#define MAX_POWER (INT64CONST(1) << 60)

static Decimal
DecimalOf(JStr s)
{
	Decimal		decimal = {.sign = 1};
	int			i = 0;
	bool		fraction = false;
	bool		negative = false;
	int64		power = 0;

	if (i < s.len && s.data[i] == '-')
	{
		decimal.sign = -1;
		i++;
	}
	/* to the first digit that is not 0 */
	for (; i < s.len && (s.data[i] == '0' || s.data[i] == '.'); i++)
	{
		if (s.data[i] == '.')
			fraction = true;
		else if (fraction)
			decimal.point--;
	}
	decimal.digits.data = s.data + i;
	for (; i < s.len && s.data[i] != 'e' && s.data[i] != 'E'; i++)
	{
		if (s.data[i] == '.')
			fraction = true;
		else if (!fraction)
			decimal.point++;
	}
	decimal.digits.len = s.data + i - decimal.digits.data;
	if (decimal.digits.len == 0)
		return (Decimal) {.sign = 0};
	if (i < s.len)
	{
		i++;
		if (i < s.len && (s.data[i] == '-' || s.data[i] == '+'))
			negative = s.data[i++] == '-';
		for (; i < s.len; i++)
			power = Min(power * 10 + (s.data[i] - '0'), MAX_POWER / 16);
	}
	decimal.point += negative ? -power : power;
	return decimal;
}

/* The next digit, 0 behind the last. */
static inline char
NextDigit(JStr *digits)
{
	char		c = '0';

	if (digits->len > 0 && digits->data[0] == '.')
		digits->data++, digits->len--;
	if (digits->len > 0)
	{
		c = digits->data[0];
		digits->data++, digits->len--;
	}
	return c;
}

int
JNumberCompare(JStr a, JStr b)
{
	Decimal		x = DecimalOf(a);
	Decimal		y = DecimalOf(b);

	if (x.sign != y.sign)
		return x.sign < y.sign ? -1 : 1;
	if (x.sign == 0)
		return 0;
	if (x.point != y.point)
		return x.point < y.point ? -x.sign : x.sign;
	while (x.digits.len > 0 || y.digits.len > 0)
	{
		char		c = NextDigit(&x.digits);
		char		d = NextDigit(&y.digits);

		if (c != d)
			return c < d ? -x.sign : x.sign;
	}
	return 0;
}

/* --------------------------------------------------------------------------------------------
 * properties in JSON text
 * --------------------------------------------------------------------------------------------
 */

static inline int
SkipSpace(JStr s, int i)
{
	while (i < s.len && (s.data[i] == ' ' || (s.data[i] >= '\t' && s.data[i] <= '\r')))
		i++;
	return i;
}

/* The place behind a string that begins at i. */
static inline int
SkipString(JStr s, int i, bool *escaped)
{
	*escaped = false;
	for (i++; i < s.len && s.data[i] != '"'; i++)
	{
		if (s.data[i] == '\\')
		{
			*escaped = true;
			i++;
		}
	}
	return Min(i + 1, s.len);
}

/* The place behind a value that begins at i; it lies behind i unless that is the end. */
static int
SkipValue(JStr s, int i)
{
	int			depth = 0;
	bool		escaped;

	while (i < s.len)
	{
		char		c = s.data[i];

		if (depth == 0 && (c == ',' || c == '}' || c == ']'))
			return i;
		if (c == '"')
		{
			i = SkipString(s, i, &escaped);
			continue;
		}
		if (c == '{' || c == '[')
			depth++;
		else if (c == '}' || c == ']')
			depth--;
		i++;
	}
	return i;
}

static int
HexDigits(JStr s, int i)
{
	int			value = 0;

	if (s.len - i < 4)
		return -1;
	for (int end = i + 4; i < end; i++)
	{
		char		c = s.data[i];

		value = value * 16;
		if (c >= '0' && c <= '9')
			value += c - '0';
		else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
			value += (c & 0x5F) - 'A' + 10;
		else
			return -1;
	}
	return value;
}

/* The character of \uXXXX at i (behind the u), with its second half; moves i to the last digit. */
static int
EscapedCharacter(JStr s, int *i)
{
	int			c = HexDigits(s, *i);
	int			low;

	*i += 3;
	if (c >= 0xD800 && c <= 0xDBFF && s.len - *i > 6 && s.data[*i + 1] == '\\' && s.data[*i + 2] == 'u')
	{
		low = HexDigits(s, *i + 3);
		if (low >= 0xDC00 && low <= 0xDFFF)
		{
			*i += 6;
			return 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
		}
	}
	return c <= 0 || (c >= 0xD800 && c <= 0xDFFF) ? 0xFFFD : c;
}

/* A string between its quotes, decoded. It never grows. */
static JStr
DecodeString(JStr s)
{
	char	   *decoded = palloc(s.len + 4);
	int			len = 0;

	for (int i = 0; i < s.len; i++)
	{
		static const char escapes[] = "b\bf\fn\nr\rt\t";
		const char *escape;
		unsigned char utf8[8] = {0};

		if (s.data[i] != '\\' || i + 1 == s.len)
		{
			decoded[len++] = s.data[i];
			continue;
		}
		i++;
		if (s.data[i] == 'u' && s.len - i > 4)
		{
			i++;
			(void) unicode_to_utf8(EscapedCharacter(s, &i), utf8);
			memcpy(decoded + len, utf8, strlen((char *) utf8));
			len += strlen((char *) utf8);
			continue;
		}
		escape = strchr("bfnrt", s.data[i]) != NULL && s.data[i] != '\0' ? strchr(escapes, s.data[i]) : NULL;
		decoded[len++] = escape != NULL ? escape[1] : s.data[i];
	}
	return (JStr) {decoded, len};
}

/* The value of a key of an object, as it stands there; NULL where there is none. */
static JStr
MemberOf(JStr object, JStr key)
{
	int			i = SkipSpace(object, 0);

	if (JStrIsNull(object) || i >= object.len || object.data[i] != '{')
		return JSTR_NULL;
	i++;
	while ((i = SkipSpace(object, i)) < object.len && object.data[i] == '"')
	{
		bool		escaped;
		int			end = SkipString(object, i, &escaped);
		JStr		name = {object.data + i + 1, Max(end - i - 2, 0)};
		int			value;

		value = SkipSpace(object, end);
		if (value >= object.len || object.data[value] != ':')
			break;
		value = SkipSpace(object, value + 1);
		end = SkipValue(object, value);
		if (escaped ? JStrEqual(DecodeString(name), key) : JStrEqual(name, key))
			return (JStr) {object.data + value, end - value};
		if (end >= object.len || object.data[end] != ',')
			break;
		i = end + 1;
	}
	return JSTR_NULL;
}

static JConditionValue
ValueOf(JStr token)
{
	JConditionValue value = {JDEF_NULL, JSTR_NULL};
	bool		escaped;
	int			end;

	while (token.len > 0 && (token.data[token.len - 1] == ' ' || token.data[token.len - 1] == '\n'))
		token.len--;
	if (token.len == 0)
		return value;
	value.text = token;
	switch (token.data[0])
	{
		case '"':
			end = SkipString(token, 0, &escaped);
			value.type = JDEF_STRING;
			value.text = (JStr) {token.data + 1, Max(end - 2, 0)};
			if (escaped)
				value.text = DecodeString(value.text);
			break;
		case '{':
			value.type = JDEF_OBJECT;
			break;
		case '[':
			value.type = JDEF_ARRAY;
			break;
		case 't':
		case 'f':
			value.type = JDEF_BOOL;
			break;
		case 'n':
			value.text = JSTR_NULL;
			break;
		default:
			value.type = JDEF_NUMBER;
	}
	return value;
}

JConditionValue
JPropertyOf(JStr properties, JStr name)
{
	JStr		token = MemberOf(properties, name);

	/* a path: each part up to a dot is a key of an object */
	while (JStrIsNull(token) && !JStrIsNull(properties))
	{
		const char *dot = memchr(name.data, '.', name.len);
		JStr		part = name;

		if (dot == NULL)
			break;
		part.len = dot - name.data;
		name.len -= part.len + 1;
		name.data = dot + 1;
		properties = MemberOf(properties, part);
		token = MemberOf(properties, name);
	}
	if (JStrIsNull(token))
		return (JConditionValue) {JDEF_NULL, JSTR_NULL};
	return ValueOf(token);
}

/* --------------------------------------------------------------------------------------------
 * conditions
 * --------------------------------------------------------------------------------------------
 */

static bool
IsNumber(JConditionValue value)
{
	return (value.type == JDEF_NUMBER || value.type == JDEF_STRING) &&
		IsValidJsonNumber(value.text.data, value.text.len);
}

/* Whether the value of an event can be compared with that of a condition, and how they compare. */
static bool
Compare(JConditionValue value, JConditionValue wanted, int *result)
{
	switch (wanted.type)
	{
		case JDEF_NUMBER:
			if (!IsNumber(value))
				return false;
			*result = JNumberCompare(value.text, wanted.text);
			return true;
		case JDEF_STRING:
			if (value.type != JDEF_STRING && value.type != JDEF_NUMBER && value.type != JDEF_BOOL)
				return false;
			*result = JStrCompare(value.text, wanted.text);
			return true;
		case JDEF_BOOL:
			*result = 0;
			return (value.type == JDEF_BOOL || value.type == JDEF_STRING) &&
				JStrEqual(value.text, wanted.text);
		default:
			*result = 0;
			return value.type == JDEF_NULL;
	}
}

bool
JConditionHolds(const JCondition *condition, JConditionValue value)
{
	bool		holds = false;
	int			c;

	if (condition->op == JCOND_EXISTS)
		return (value.type != JDEF_NULL) != condition->negated;
	for (int i = 0; i < condition->n_values && !holds; i++)
	{
		if (!Compare(value, condition->values[i], &c))
			continue;
		holds = condition->op == JCOND_IN ? c == 0 : condition->op == JCOND_GT ? c > 0 :
			condition->op == JCOND_GE ? c >= 0 : condition->op == JCOND_LT ? c < 0 : c <= 0;
	}
	return holds != condition->negated;
}

bool
JWhereHolds(const JWhere *where, JStr properties)
{
	for (int i = 0; i < where->n; i++)
	{
		const JCondition *condition = &where->conditions[i];

		if (!JConditionHolds(condition, JPropertyOf(properties, condition->name)))
			return false;
	}
	return true;
}

/* --------------------------------------------------------------------------------------------
 * compiling
 * --------------------------------------------------------------------------------------------
 */

static const char *const operators[] = {
	"=", "!=", ">", ">=", "<", "<=", "in", "not in", "exists", NULL
};
static const JCondition meanings[] = {
	{.op = JCOND_IN}, {.op = JCOND_IN, .negated = true}, {.op = JCOND_GT}, {.op = JCOND_GE},
	{.op = JCOND_LT}, {.op = JCOND_LE}, {.op = JCOND_IN}, {.op = JCOND_IN, .negated = true},
	{.op = JCOND_EXISTS},
};

static JConditionValue
CompileValue(const JDef *def, JDefError *error)
{
	JConditionValue value = {def->type, def->text};

	if (def->type == JDEF_BOOL)
		value.text = def->boolean ? JSTR_LIT("true") : JSTR_LIT("false");
	else if (def->type == JDEF_ARRAY || def->type == JDEF_OBJECT)
		JDefFail(error, J_DEF_TYPE, def, NULL, "it must be a string, a number, true, false or null");
	return value;
}

static void
CompileValues(JCondition *condition, const JDef *def, bool list, JDefError *error)
{
	const JDef *items = list ? def->items : def;

	condition->n_values = list ? JDefArray(def, error) : 1;
	condition->values = palloc_array(JConditionValue, Max(condition->n_values, 1));
	for (int i = 0; i < condition->n_values; i++)
		condition->values[i] = CompileValue(&items[i], error);
}

static void
CompileOperator(JCondition *condition, const JDef *def, JDefError *error)
{
	int			which = 0;

	while (operators[which] != NULL &&
		   !(def->key.len == (int) strlen(operators[which]) &&
			 memcmp(def->key.data, operators[which], def->key.len) == 0))
		which++;
	if (operators[which] == NULL)
	{
		JDefCheckKeys(def->parent, operators, error);
		return;
	}
	*condition = meanings[which];
	condition->name = def->parent->key;
	if (condition->op == JCOND_EXISTS)
		condition->negated = !JDefBool(def, true, error);
	else if (condition->op == JCOND_IN)
		CompileValues(condition, def, strstr(operators[which], "in") != NULL, error);
	else if (def->type != JDEF_NUMBER && def->type != JDEF_STRING)
		JDefFail(error, J_DEF_TYPE, def, NULL, "it must be a number or a string");
	else
		CompileValues(condition, def, false, error);
}

JWhere
JWhereCompile(const JDef *def, JDefError *error)
{
	JWhere		where = {0};
	int			room = 0;

	if (def == NULL || error->code != NULL)
		return where;
	if (def->type != JDEF_OBJECT)
	{
		JDefFail(error, J_DEF_TYPE, def, NULL, "it must be an object of names and conditions");
		return where;
	}
	for (int i = 0; i < def->count; i++)
		room += def->items[i].type == JDEF_OBJECT ? def->items[i].count : 1;
	where.conditions = palloc0_array(JCondition, Max(room, 1));
	for (int i = 0; i < def->count && error->code == NULL; i++)
	{
		const JDef *item = &def->items[i];

		if (item->type != JDEF_OBJECT)
		{
			JCondition *condition = &where.conditions[where.n++];

			condition->op = JCOND_IN;
			condition->name = item->key;
			CompileValues(condition, item, item->type == JDEF_ARRAY, error);
			continue;
		}
		if (item->count == 0)
			JDefFail(error, J_DEF_MISSING, item,
					 psprintf("Known operators are: %s.", JDefNames(operators)), "it has no operator");
		for (int n = 0; n < item->count && error->code == NULL; n++)
			CompileOperator(&where.conditions[where.n++], &item->items[n], error);
	}
	return where;
}

static JStr
CopyStr(JStr s)
{
	char	   *copy;

	if (JStrIsNull(s))
		return s;
	copy = palloc(Max(s.len, 1));
	memcpy(copy, s.data, s.len);
	return (JStr) {copy, s.len};
}

JWhere
JWhereCopy(const JWhere *where)
{
	JWhere		copy = {.n = where->n};

	copy.conditions = palloc_array(JCondition, Max(where->n, 1));
	for (int i = 0; i < where->n; i++)
	{
		JCondition *condition = &copy.conditions[i];

		*condition = where->conditions[i];
		condition->name = CopyStr(condition->name);
		condition->values = palloc_array(JConditionValue, Max(condition->n_values, 1));
		for (int n = 0; n < condition->n_values; n++)
		{
			condition->values[n] = where->conditions[i].values[n];
			condition->values[n].text = CopyStr(condition->values[n].text);
		}
	}
	return copy;
}
