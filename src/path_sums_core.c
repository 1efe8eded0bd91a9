/*
 * path_sums_core.c
 *		What markov and shapley keep of all the paths that they see.
 */
#include "path_sums_core.h"

#include "common/hashfn.h"
#include "common/int.h"
#include "port/pg_bswap.h"

#define PATH_SUMS_VERSION 1
#define HEADER_SIZE 8			/* version, model, has_value, has_negative, number of channels */
#define SUM_SIZE (3 * 4 + 8 + 16)

/* ------------------------------------------------------------------------------------------------
 * adding
 * ------------------------------------------------------------------------------------------------ */

static bool
ChannelHash(const void *entry, uint32 *hash)
{
	*hash = JSetHash(0, *(const JStr *) entry);
	return true;
}

static bool
ChannelSame(const void *a, const void *b)
{
	return JStrEqual(*(const JStr *) a, *(const JStr *) b);
}

static bool
SumHash(const void *entry, uint32 *hash)
{
	const JPathSum *sum = entry;

	*hash = hash_combine(hash_combine(murmurhash32(sum->key[0]), murmurhash32(sum->key[1])),
						 murmurhash32(sum->key[2]));
	return true;
}

static bool
SumSame(const void *a, const void *b)
{
	return memcmp(((const JPathSum *) a)->key, ((const JPathSum *) b)->key,
				  sizeof(((JPathSum *) NULL)->key)) == 0;
}

static const JSetKind channel_kind = {sizeof(JStr), ChannelHash, ChannelSame};
static const JSetKind sum_kind = {sizeof(JPathSum), SumHash, SumSame};

/* Room for one more in an array that doubles. */
static void *
Grow(void *array, int n, int *max, Size width)
{
	if (n < *max)
		return array;
	*max = Max(2 * *max, 16);
	if (array == NULL)
		return palloc(width * *max);
	return repalloc_huge(array, width * *max);
}

/* The number of a channel, from 1. */
static int32
ChannelNumber(JPathSums *sums, JStr channel)
{
	int			at;
	char	   *copy;

	if (JStrIsNull(channel))
		channel = JSTR_LIT("(not set)");
	at = JSetFind(&sums->channel_set, &channel_kind, sums->channels, sums->n_channels, &channel);
	if (at >= 0)
		return at + 1;
	copy = palloc(Max(channel.len, 1));
	memcpy(copy, channel.data, channel.len);
	sums->channels = Grow(sums->channels, sums->n_channels, &sums->max_channels, sizeof(JStr));
	sums->channels[sums->n_channels++] = (JStr) {copy, channel.len};
	return sums->n_channels;
}

static bool
AddSum(JPathSums *sums, const JPathSum *sum)
{
	int			at = JSetFind(&sums->sum_set, &sum_kind, sums->sums, sums->n_sums, sum);
	JPathSum   *old;

	if (at < 0)
	{
		sums->sums = Grow(sums->sums, sums->n_sums, &sums->max_sums, sizeof(JPathSum));
		sums->sums[sums->n_sums++] = *sum;
		return true;
	}
	old = &sums->sums[at];
	if (pg_add_s64_overflow(old->weight, sum->weight, &old->weight))
		return false;
	old->value += sum->value;
	return old->value < J_MAX_VALUE && old->value > -J_MAX_VALUE;
}

/* Counts the steps of a chain. */
static bool
AddSteps(JPathSums *sums, const int32 *path, int n, const JPathCounts *counts)
{
	bool		second = sums->model == JPATHS_MARKOV_2;
	JPathSum	sum = {{J_STATE_START, J_STATE_START, 0}};
	int32		before = J_STATE_START;
	int32		from = J_STATE_START;
	int64		weight;

	if (pg_add_s64_overflow(counts->conversions, counts->nulls, &weight))
		return false;
	for (int i = 0; i <= n; i++)
	{
		int32	   *key = second ? sum.key + 1 : sum.key;

		sum.key[0] = before;
		key[0] = from;
		sum.weight = weight;
		if (i < n)
			key[1] = path[i];
		else
		{
			key[1] = J_STATE_NULL;
			sum.weight = counts->nulls;
		}
		if (sum.weight > 0 && !AddSum(sums, &sum))
			return false;
		if (i < n)
		{
			before = from;
			from = path[i];
			continue;
		}
		key[1] = J_STATE_CONVERSION;
		sum.weight = counts->conversions;
		sum.value = counts->value;
		if ((sum.weight > 0 || sum.value != 0) && !AddSum(sums, &sum))
			return false;
	}
	return true;
}

static int
CompareNumbers(const void *a, const void *b)
{
	int32		x = *(const int32 *) a;
	int32		y = *(const int32 *) b;

	return (x > y) - (x < y);
}

/* Shares a path out to the channels that it has; the steps are sorted for it. */
static bool
AddCoalition(JPathSums *sums, int32 *path, int n, const JPathCounts *counts)
{
	int			size = 0;

	qsort(path, n, sizeof(int32), CompareNumbers);
	for (int i = 0; i < n; i++)
		if (size == 0 || path[size - 1] != path[i])
			path[size++] = path[i];
	for (int i = 0; i < size; i++)
	{
		JPathSum	sum = {{path[i], size, 0}, counts->conversions, counts->value};

		if ((sum.weight > 0 || sum.value != 0) && !AddSum(sums, &sum))
			return false;
	}
	return true;
}

bool
JPathSumsAdd(JPathSums *sums, const JStr *path, int n, const JPathCounts *counts)
{
	if (n > sums->max_path)
	{
		sums->max_path = Max(n, 16);
		if (sums->path != NULL)
			pfree(sums->path);
		sums->path = palloc_extended(sizeof(int32) * sums->max_path, MCXT_ALLOC_HUGE);
	}
	for (int i = 0; i < n; i++)
		sums->path[i] = ChannelNumber(sums, path[i]);
	sums->has_value |= counts->has_value;
	sums->has_negative |= counts->value < 0;
	return sums->model == JPATHS_SHAPLEY ? AddCoalition(sums, sums->path, n, counts) :
		AddSteps(sums, sums->path, n, counts);
}

/* A channel of other sums in these; states that are no channels stay. */
static inline int32
Renumber(const int32 *numbers, int32 state)
{
	return state > 0 ? numbers[state - 1] : state;
}

static void
RenumberKey(JPathModel model, const int32 *numbers, int32 *key)
{
	key[0] = Renumber(numbers, key[0]);
	if (model != JPATHS_SHAPLEY)
		key[1] = Renumber(numbers, key[1]);
	if (model == JPATHS_MARKOV_2)
		key[2] = Renumber(numbers, key[2]);
}

bool
JPathSumsMerge(JPathSums *sums, const JPathSums *other)
{
	int32	   *numbers = palloc_extended(sizeof(int32) * Max(other->n_channels, 1),
										  MCXT_ALLOC_HUGE);
	bool		good = true;

	for (int i = 0; i < other->n_channels; i++)
		numbers[i] = ChannelNumber(sums, other->channels[i]);
	for (int i = 0; i < other->n_sums && good; i++)
	{
		JPathSum	sum = other->sums[i];

		RenumberKey(sums->model, numbers, sum.key);
		good = AddSum(sums, &sum);
	}
	sums->has_value |= other->has_value;
	sums->has_negative |= other->has_negative;
	pfree(numbers);
	return good;
}

/* ------------------------------------------------------------------------------------------------
 * sorted
 * ------------------------------------------------------------------------------------------------ */

static int
CompareChannels(const void *a, const void *b, void *arg)
{
	const JStr *channels = arg;

	return JStrCompare(channels[*(const int *) a], channels[*(const int *) b]);
}

static int
CompareKeys(const int32 *a, const int32 *b)
{
	for (int i = 0; i < 3; i++)
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	return 0;
}

static int
CompareSums(const void *a, const void *b)
{
	return CompareKeys(((const JPathSum *) a)->key, ((const JPathSum *) b)->key);
}

JPathSums *
JPathSumsSorted(const JPathSums *sums)
{
	JPathSums  *sorted = palloc0(sizeof(JPathSums));
	int			n = sums->n_channels;
	int		   *order = palloc_extended(sizeof(int) * Max(n, 1), MCXT_ALLOC_HUGE);
	int32	   *numbers = palloc_extended(sizeof(int32) * Max(n, 1), MCXT_ALLOC_HUGE);

	for (int i = 0; i < n; i++)
		order[i] = i;
	qsort_arg(order, n, sizeof(int), CompareChannels, sums->channels);
	sorted->model = sums->model;
	sorted->has_value = sums->has_value;
	sorted->has_negative = sums->has_negative;
	sorted->n_channels = sorted->max_channels = n;
	sorted->channels = palloc_extended(sizeof(JStr) * Max(n, 1), MCXT_ALLOC_HUGE);
	for (int i = 0; i < n; i++)
	{
		sorted->channels[i] = sums->channels[order[i]];
		numbers[order[i]] = i + 1;
	}
	sorted->n_sums = sorted->max_sums = sums->n_sums;
	sorted->sums = palloc_extended(sizeof(JPathSum) * Max(sums->n_sums, 1), MCXT_ALLOC_HUGE);
	for (int i = 0; i < sums->n_sums; i++)
	{
		sorted->sums[i] = sums->sums[i];
		RenumberKey(sums->model, numbers, sorted->sums[i].key);
	}
	qsort(sorted->sums, sorted->n_sums, sizeof(JPathSum), CompareSums);
	pfree(order);
	pfree(numbers);
	return sorted;
}

/* ------------------------------------------------------------------------------------------------
 * bytes
 * ------------------------------------------------------------------------------------------------ */

static char *
Put32(char *out, uint32 x)
{
	x = pg_hton32(x);
	memcpy(out, &x, sizeof(x));
	return out + sizeof(x);
}

static char *
Put64(char *out, uint64 x)
{
	x = pg_hton64(x);
	memcpy(out, &x, sizeof(x));
	return out + sizeof(x);
}

static uint32
Get32(const char *data)
{
	uint32		x;

	memcpy(&x, data, sizeof(x));
	return pg_ntoh32(x);
}

static uint64
Get64(const char *data)
{
	uint64		x;

	memcpy(&x, data, sizeof(x));
	return pg_ntoh64(x);
}

Size
JPathSumsEncodedSize(const JPathSums *sums)
{
	Size		size = HEADER_SIZE + 4 + (Size) sums->n_sums * SUM_SIZE;

	for (int i = 0; i < sums->n_channels; i++)
		size += 4 + sums->channels[i].len;
	return size;
}

void
JPathSumsEncode(const JPathSums *sums, char *out)
{
	*out++ = PATH_SUMS_VERSION;
	*out++ = sums->model;
	*out++ = sums->has_value;
	*out++ = sums->has_negative;
	out = Put32(out, sums->n_channels);
	for (int i = 0; i < sums->n_channels; i++)
	{
		out = Put32(out, sums->channels[i].len);
		memcpy(out, sums->channels[i].data, sums->channels[i].len);
		out += sums->channels[i].len;
	}
	out = Put32(out, sums->n_sums);
	for (int i = 0; i < sums->n_sums; i++)
	{
		const JPathSum *sum = &sums->sums[i];

		for (int k = 0; k < 3; k++)
			out = Put32(out, sum->key[k]);
		out = Put64(out, sum->weight);
		out = Put64(out, (uint64) ((uint128) sum->value >> 64));
		out = Put64(out, (uint64) sum->value);
	}
}

/* Whether a key is one that the model makes of n channels. */
static bool
KeyIsGood(JPathModel model, const int32 *key, int n)
{
	const int32 *last = model == JPATHS_MARKOV_2 ? key + 1 : key;

	if (model == JPATHS_SHAPLEY)
		return key[0] >= 1 && key[0] <= n && key[1] >= 1 && key[1] <= n && key[2] == 0;
	if (model == JPATHS_MARKOV_1 && key[2] != 0)
		return false;
	/* before the start there is nothing but the start */
	if (key[0] < 0 || key[0] > n || (last[0] == J_STATE_START && key[0] != J_STATE_START))
		return false;
	if (last[0] < 0 || last[0] > n || last[1] > n)
		return false;
	return last[1] > 0 || (last[0] > 0 && (last[1] == J_STATE_CONVERSION || last[1] == J_STATE_NULL));
}

static const char *
DecodeChannels(const char **data, const char *end, bool (*is_text) (JStr s), JPathSums *sums)
{
	for (int i = 0; i < sums->n_channels; i++)
	{
		JStr		channel;

		if (end - *data < 4)
			return "a channel is cut off";
		channel.len = Get32(*data);
		channel.data = *data + 4;
		if (channel.len < 0 || channel.len > end - channel.data)
			return "a channel is cut off";
		if (!is_text(channel))
			return "a channel is no text";
		if (i > 0 && JStrCompare(sums->channels[i - 1], channel) >= 0)
			return "channels are not in order";
		sums->channels[i] = channel;
		*data = channel.data + channel.len;
	}
	return NULL;
}

static const char *
DecodeSum(const char *data, const JPathSums *sums, JPathSum *sum)
{
	for (int k = 0; k < 3; k++, data += 4)
		sum->key[k] = (int32) Get32(data);
	sum->weight = (int64) Get64(data);
	sum->value = (int128) (((uint128) Get64(data + 8) << 64) | Get64(data + 16));
	if (!KeyIsGood(sums->model, sum->key, sums->n_channels))
		return "a sum is of no channel";
	if (sum->weight < 0 || sum->value >= J_MAX_VALUE || sum->value <= -J_MAX_VALUE)
		return "a sum is out of range";
	return NULL;
}

const char *
JPathSumsDecode(const char *data, Size len, bool (*is_text) (JStr s), JPathSums *sums)
{
	const char *end = data + len;
	const char *error;

	memset(sums, 0, sizeof(JPathSums));
	if (len < HEADER_SIZE + 4 || data[0] != PATH_SUMS_VERSION ||
		(unsigned char) data[1] > JPATHS_MARKOV_2 || (data[2] & ~1) != 0 || (data[3] & ~1) != 0)
		return "the header is not one of version 1";
	sums->model = data[1];
	sums->has_value = data[2];
	sums->has_negative = data[3];
	if (Get32(data + 4) > (len - HEADER_SIZE) / 4)
		return "the number of channels is too large";
	sums->n_channels = sums->max_channels = Get32(data + 4);
	sums->channels = palloc_extended(sizeof(JStr) * Max(sums->n_channels, 1), MCXT_ALLOC_HUGE);
	data += HEADER_SIZE;
	error = DecodeChannels(&data, end, is_text, sums);
	if (error != NULL)
		return error;
	if (end - data < 4 || (end - data - 4) % SUM_SIZE != 0 ||
		Get32(data) != (end - data - 4) / SUM_SIZE)
		return "the number of sums is wrong";
	sums->n_sums = sums->max_sums = Get32(data);
	sums->sums = palloc_extended(sizeof(JPathSum) * Max(sums->n_sums, 1), MCXT_ALLOC_HUGE);
	data += 4;
	for (int i = 0; i < sums->n_sums; i++, data += SUM_SIZE)
	{
		error = DecodeSum(data, sums, &sums->sums[i]);
		if (error != NULL)
			return error;
		if (i > 0 && CompareKeys(sums->sums[i - 1].key, sums->sums[i].key) >= 0)
			return "sums are not in order";
	}
	return NULL;
}
