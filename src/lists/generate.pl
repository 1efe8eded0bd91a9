#!/usr/bin/perl
#
# generate.pl
#	Turns the lists of this folder into the C header that lists_core.c includes.
#
#	perl generate.pl DIRECTORY > lists_data.h
#
# Each list becomes a pool of its keys, an array of entries that point into the pool by offset, and a
# hash table of entry numbers with open addressing: constant data that needs no relocation. Keys are
# lower case. The hash runs from the last byte to the first, so that one pass over a host gives the
# hash of every domain that it lies in; lists_core.c has the same function.
#
use strict;
use warnings;

my $dir = shift // die "usage: generate.pl DIRECTORY\n";

use constant { RULE => 1, WILDCARD => 2, EXCEPTION => 4, PRIVATE => 8 };
use constant { HOST => 1, TENANTS => 2, OAUTH => 4, GOOGLE_ADS => 8, CACHE => 16 };
my %param_kind = (tracking => 1, utm => 2, matomo => 3, click_id => 4, google_ads => 5);
my %meaning;
@meaning{
	qw(source medium campaign term content id
	  source_platform creative_format marketing_tactic)
} = (0 .. 8);
my %referrer_kind = ('ai-assistant' => 1, search => 2, social => 3, video => 4, portal => 5);
my %category = (search => 1, shopping => 2, social => 3, video => 4);

# The rows of a list as arrays of fields, without comments.
sub rows
{
	my ($name) = @_;
	my @rows;
	open my $in, '<', "$dir/$name" or die "$dir/$name: $!\n";
	while (my $line = <$in>)
	{
		chomp $line;
		next if $line =~ /^#/ || $line eq '';
		push @rows, [ split /\t/, $line, -1 ];
	}
	close $in;
	return @rows;
}

sub lower { my ($s) = @_; $s =~ tr/A-Z/a-z/; return $s }

sub hash
{
	my ($key) = @_;
	my $h = 2166136261;
	$h = (($h ^ $_) * 16777619) & 0xffffffff for reverse unpack 'C*', $key;
	return $h;
}

# A C string literal; question marks are escaped too, so that no trigraph arises.
sub literal
{
	my ($s) = @_;
	$s =~ s/([^ !#-\>\@-\[\]-~])/sprintf '\\%03o', ord $1/ge;
	return "\"$s\"";
}

sub pool
{
	my ($name, $keys) = @_;
	my ($offset, $line, $out, @offsets) = (0, '', '');
	for my $key (@$keys)
	{
		push @offsets, $offset;
		$offset += length $key;
		$line .= $key;
		if (length $line > 80) { $out .= "\n\t" . literal($line); $line = '' }
	}
	print "static const char ${name}_pool[] =", $out, "\n\t", literal($line), ";\n\n";
	return @offsets;
}

# Prints the list NAME of key => value (a number of 16 bits).
sub list
{
	my ($name, $values) = @_;
	my @keys = sort keys %$values;
	my $size = 16;
	$size *= 2 while $size < 2 * @keys;
	my @slots = (0) x $size;
	my $longest = 0;

	for my $i (0 .. $#keys)
	{
		my $slot = hash($keys[$i]) & ($size - 1);
		$slot = ($slot + 1) & ($size - 1) while $slots[$slot];
		$slots[$slot] = $i + 1;
		$longest = length $keys[$i] if length $keys[$i] > $longest;
	}
	my @offsets = pool($name, \@keys);
	print "static const JListEntry ${name}_entries[] = {\n";
	printf "\t{%d, %d, %d},\n", $offsets[$_], length $keys[$_], $values->{ $keys[$_] }
	  for 0 .. $#keys;
	print "};\n\nstatic const uint16 ${name}_slots[] = {";
	print $_ % 16 ? ' ' : "\n\t", $slots[$_], ',' for 0 .. $#slots;
	print "\n};\n\nstatic const JList ${name}_list = {\n",
	  "\t${name}_pool, ${name}_entries, ${name}_slots, ", $size - 1, ", $longest\n};\n\n";
}

# RFC 3492: the ASCII form of a label of a host.
sub punycode
{
	my ($label) = @_;
	my $unicode = $label;
	utf8::decode($unicode) or die "not UTF-8: $label\n";
	my @code = map { ord } split //, $unicode;
	my @basic = grep { $_ < 128 } @code;
	return $label if @basic == @code;

	my $digits = join '', 'a' .. 'z', 0 .. 9;
	my ($n, $delta, $bias, $done) = (128, 0, 72, scalar @basic);
	my $out = join '', map { chr } @basic;
	$out .= '-' if @basic;
	while ($done < @code)
	{
		my ($next) = sort { $a <=> $b } grep { $_ >= $n } @code;
		$delta += ($next - $n) * ($done + 1);
		$n = $next;
		for my $c (@code)
		{
			$delta++ if $c < $n;
			next if $c != $n;
			my $q = $delta;
			for (my $k = 36;; $k += 36)
			{
				my $t = $k <= $bias ? 1 : $k >= $bias + 26 ? 26 : $k - $bias;
				last if $q < $t;
				$out .= substr $digits, $t + ($q - $t) % (36 - $t), 1;
				$q = int(($q - $t) / (36 - $t));
			}
			$out .= substr $digits, $q, 1;
			$delta = int($delta / ($done == @basic ? 700 : 2));
			$delta += int($delta / ($done + 1));
			my $k = 0;
			for (; $delta > 455; $k += 36) { $delta = int($delta / 35) }
			$bias = $k + int(36 * $delta / ($delta + 38));
			$delta = 0;
			$done++;
		}
		$delta++;
		$n++;
	}
	return "xn--$out";
}

# Public suffixes, in UTF-8 and in ASCII, with the names between them and the root (value 0).
sub suffixes
{
	my (%value, $section);
	open my $in, '<', "$dir/public_suffix_list.dat" or die "public_suffix_list.dat: $!\n";
	while (my $line = <$in>)
	{
		$section = PRIVATE if $line =~ /BEGIN PRIVATE DOMAINS/;
		$line =~ s/\s.*//s;
		next if $line eq '' || $line =~ m{^//};
		my $flag = RULE;
		$flag = EXCEPTION if $line =~ s/^!//;
		$flag = WILDCARD if $line =~ s/^\*\.//;
		my $utf8 = lower($line);
		my $ascii = join '.', map { punycode($_) } split /\./, $utf8;
		for my $rule ($utf8 eq $ascii ? $utf8 : ($utf8, $ascii))
		{
			$value{$rule} |= $flag | ($section // 0);
			for (my $node = $rule; $node =~ s/^[^.]*\.//;) { $value{$node} |= 0 }
		}
	}
	close $in;
	list('suffix', \%value);
}

# Parameters: those of campaigns, of click ids, and those that only track.
sub parameters
{
	my (%value, %number, @ids, @prefixes);
	for my $row (rows('click_ids.tsv'))
	{
		my ($name, $canonical, $kind, @info) = @$row;
		my $key = lower($name);
		if ($kind eq 'google_ads' || $kind eq 'auxiliary')
		{
			$value{$key} = $param_kind{ $kind eq 'auxiliary' ? 'tracking' : $kind } << 8;
			next;
		}
		if (!defined $number{$canonical})
		{
			$number{$canonical} = @ids;
			push @ids, [
				$canonical,
				map({ $_ eq '-' ? '' : $_ } @info[0 .. 2]),
				$kind eq 'person' ? 'true' : 'false'
			];
		}
		$value{$key} = $param_kind{click_id} << 8 | $number{$canonical};
	}
	for my $row (rows('params.tsv'))
	{
		my ($name, $system, $meaning) = @$row;
		my $key = lower($name);
		if ($key =~ s/\*$//) { push @prefixes, $key; next }
		next if defined $value{$key};
		$value{$key} = $meaning eq '-' ? $param_kind{tracking} << 8
		  : $param_kind{$system} << 8 | ($meaning{$meaning} // die "params.tsv: \"$meaning\"\n");
	}

	print "static const JClickIdInfo click_ids[] = {\n";
	print "\t{", join(', ', map({ literal($_) } @$_[0 .. 3]), $_->[4]), "},\n" for @ids;
	print "};\n\n";
	die "more click ids than bits\n" if @ids > 64;
	print "static const char tracking_prefixes[][12] = {\n\t",
	  join(', ', map { literal($_) } @prefixes), "\n};\n\n";

	my @first;
	for my $key (grep { $value{$_} >> 8 != $param_kind{tracking} } keys %value)
	{
		$first[ length $key ] = ($first[ length $key ] // 0) | 1 << (ord($key) & 31);
	}
	print "static const uint32 param_first_letters[] = {\n\t",
	  join(', ', map { $_ // 0 } @first), "\n};\n\n";
	list('param', \%value);
}

# Referrers: a list of hosts whose values number their first pattern; the longest path comes first. A
# pattern is deep if it means the subdomains too; a portal has the parameters of its search word.
sub referrers
{
	my (%patterns, %value, @rows, @strings);
	for my $row (rows('referrers.tsv'), map { [ $_->[0], 'portal', @$_[ 1, 2 ] ] } rows('portals.tsv'))
	{
		my ($pattern, $kind, $source, $words) = @$row;

		# an encoding of a database may lack other characters
		die "referrers: not ASCII: $source\n" if $source =~ /[^ -~]/;
		my ($host, $path) = $pattern =~ m{^([^/]+)(.*)$};
		my $deep = $host =~ s/^\*\.// || $kind =~ /^(ai-assistant|social|video)$/;
		$host =~ s/^www\.//;
		push @{ $patterns{ lower($host) } },
		  [
			$path, $source, $words // '',
			$referrer_kind{$kind} // die("referrers: kind \"$kind\"\n"),
			$deep ? 'true' : 'false'
		  ];
	}
	for my $host (sort keys %patterns)
	{
		my @sorted = sort { length $b->[0] <=> length $a->[0] || $a->[3] <=> $b->[3] }
		  @{ $patterns{$host} };
		$value{$host} = @rows;
		push @rows, [ @$_, $_ == $sorted[-1] ? 'true' : 'false' ] for @sorted;
	}
	push @strings, @$_[ 0 .. 2 ] for @rows;
	my @offsets = pool('pattern', \@strings);
	print "static const JReferrerPattern referrer_patterns[] = {\n";
	for my $i (0 .. $#rows)
	{
		print "\t{", join(', ',
			@offsets[ 3 * $i .. 3 * $i + 2 ],
			map({ length } @{ $rows[$i] }[ 0 .. 2 ]),
			@{ $rows[$i] }[ 3 .. 5 ]), "},\n";
	}
	print "};\n\n";
	list('referrer', \%value);
}

# Default rules for personal data, as redact_core.c compiles those that users write.
sub redaction
{
	my %sets = (gdpr => 1, hipaa => 2, both => 3);
	print "static const JRedactionRow redaction_rows[] = {\n";
	for my $row (rows('redact.tsv'))
	{
		my ($set, $kind, $match, $below, $action) = @$row;
		print "\t{", join(', ', $sets{$set} // die("redact.tsv: \"$set\"\n"),
			map { literal($_) } $kind, $match, $below, $action), "},\n";
	}
	print "};\n";
}

# Hosts that are something for themselves and their subdomains. {} means com too.
sub hosts
{
	my %value;
	my %kind = (host => HOST, tenants => TENANTS, oauth => OAUTH);
	$value{ lower($_->[0]) } |= HOST for rows('payment_gateways.tsv');
	$value{ lower($_->[0]) } |= $kind{ $_->[1] } // die "sign_in.tsv: \"$_->[1]\"\n"
	  for rows('sign_in.tsv');
	$value{ lower($_->[0]) } |= GOOGLE_ADS for rows('google_ads_hosts.tsv');
	$value{ lower($_->[0]) } |= CACHE for rows('page_caches.tsv');
	for my $key (grep { /\{\}$/ } keys %value)
	{
		$value{ $key =~ s/\{\}$/com/r } |= $value{$key};
	}
	list('host', \%value);
}

print "/* Made by src/lists/generate.pl from the lists beside it: do not edit. */\n\n";
suffixes();
parameters();
referrers();
list('source', {
	map { lower($_->[0]) => $category{ $_->[1] } // die "sources.tsv: \"$_->[1]\"\n" }
	  rows('sources.tsv')
});
hosts();
redaction();
list('assistant', { map { lower($_->[0]) => 1 } rows('ai_sources.tsv') });
