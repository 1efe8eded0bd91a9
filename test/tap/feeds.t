#!/usr/bin/perl
# Feeds of conversions against importers that keep to the platforms' rules: files are read back byte by byte, no
# line is refused, and in the end a platform has what the model has, through changes, retractions and returns.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Journey;
use JSON::PP ();
use Test::More;
use Time::Local qw(timegm);

my $day = 86400;
my $start = (int(time / $day) - 21) * $day;    # what is forgotten is kept by the server's clock

# A model of clicks, and of leads of a CRM.
sub make_model
{
	my ($schema) = @_;
	sql(qq{SET client_min_messages = warning;
	CREATE TABLE clicks (event_id text, visitor_id text, user_id text, event_time timestamptz, kind text, url text,
	    loaded_at timestamptz DEFAULT clock_timestamp());
	CREATE TABLE leads (id text, name text, user_id text, email text, converted_at timestamptz, value numeric,
	    currency text, consent jsonb);
	SELECT journey.create_model('$schema', NULL, '{"lookback": "100 days", "max_future": "400 days"}');
	SELECT journey.add_source('$schema', 'clicks');
	SELECT journey.add_source('$schema', 'leads', 'conversion', '{"name": "name"}')});
	return;
}

sub encoded { my ($text) = @_; return $text =~ s/([^A-Za-z0-9])/sprintf '%%%02X', ord $1/ger }

sub at { my ($epoch) = @_; return sprintf q{to_timestamp(%s)}, $epoch }

# The fields of a line of CSV. Dies of what RFC 4180 does not know.
sub csv
{
	my ($line) = @_;
	my @fields;
	pos($line) = 0;
	while (1)
	{
		if ($line =~ /\G"((?:[^"]|"")*)"(?=,|\z)/gc) { push @fields, $1 =~ s/""/"/gr }
		elsif ($line =~ /\G([^",]*)(?=,|\z)/gc) { push @fields, $1 }
		else { die "no CSV: $line\n" }
		last if pos($line) == length $line;
		$line =~ /\G,/gc or die "no CSV: $line\n";
	}
	return @fields;
}

# yyyy-MM-dd HH:mm:ss+HHMM
sub file_time
{
	my ($text) = @_;
	my ($y, $m, $d, $h, $i, $s, $sign, $oh, $om) = $text =~ /\A(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)([+-])(\d\d)(\d\d)\z/
	  or die "no time: $text\n";
	my $offset = ($oh * 60 + $om) * 60 * ($sign eq '-' ? -1 : 1);
	return timegm($s, $i, $h, $d, $m - 1, $y) - $offset;
}

# M/d/yyyy h:mm:ss AM
sub bulk_time
{
	my ($text) = @_;
	my ($m, $d, $y, $h, $i, $s, $half) = $text =~ m{\A([1-9]\d?)/([1-9]\d?)/(\d{4}) ([1-9]\d?):(\d\d):(\d\d) ([AP])M\z}
	  or die "no time: $text\n";
	return timegm($s, $i, $h % 12 + ($half eq 'P' ? 12 : 0), $d, $m - 1, $y);
}

# Lines below the header, as hashes. Dies where the file does not begin as it must.
sub read_file
{
	my ($text, @headers) = @_;
	die "no line feed at the end\n" unless $text =~ s/\n\z//;
	my @lines = split /\n/, $text, -1;
	for my $wanted (@headers) { my $line = shift @lines; die "not $wanted but $line\n" unless $line eq $wanted }
	my @names = split /,/, $headers[0] =~ /^Type,/ ? $headers[0] : $headers[-1], -1;
	return map {
		my @fields = csv($_);
		die "not " . @names . " fields: $_\n" unless @fields == @names;
		my %row;
		@row{@names} = @fields;
		\%row;
	} @lines;
}

sub check_money
{
	my ($value, $currency) = @_;
	return if $value eq '' && $currency eq '';
	die "no amount: $value $currency\n" unless $value =~ /\A(?:0|[1-9]\d*)(?:\.(\d+))?\z/ && $currency =~ /\A[A-Z]{3}\z/;
	die "too many digits: $value $currency\n" if length($1 // '') > ($currency eq 'JPY' ? 0 : 2);
	return;
}

# Google's importer of click and adjustment files. Errors by the names that Google gives them.
package Google
{
	sub new { my ($class, %clicks) = @_; return bless { clicks => \%clicks, orders => {}, keys => {}, adjusted => {} }, $class }

	sub clicks
	{
		my ($self, $now, $text) = @_;
		for my $row (main::read_file($text, 'Parameters:TimeZone=+0000',
			'Google Click ID,Conversion Name,Conversion Time,Conversion Value,Conversion Currency,Order ID,Ad User Data,Ad Personalization'))
		{
			my $time = main::file_time($row->{'Conversion Time'});
			my $click = $self->{clicks}{ $row->{'Google Click ID'} } // die "UNPARSEABLE_GCLID $row->{'Google Click ID'}\n";
			my $key = join "\t", @$row{'Google Click ID', 'Conversion Name'}, $time;
			main::check_money(@$row{'Conversion Value', 'Conversion Currency'});
			die "CONVERSION_PRECEDES_EVENT $key\n" if $time <= $click;
			die "EXPIRED_EVENT $key\n" if $now - $click > 90 * $day || $time - $click > 90 * $day;
			die "TOO_RECENT_EVENT $key\n" if $now - $click < 6 * 3600;
			die "FUTURE $key\n" if $time > $now;
			die "consent\n" if grep { !/\A(?:Granted|Denied|)\z/ } @$row{'Ad User Data', 'Ad Personalization'};
			die "DENIED\n" if $row->{'Ad User Data'} eq 'Denied';
			die "CLICK_CONVERSION_ALREADY_EXISTS $key\n" if $self->{keys}{$key}++;
			die "ORDER_ID_ALREADY_IN_USE $row->{'Order ID'}\n" if $row->{'Order ID'} eq '' || $self->{orders}{ $row->{'Order ID'} };
			$self->{orders}{ $row->{'Order ID'} } = { time => $time, name => $row->{'Conversion Name'}, value => $row->{'Conversion Value'},
				currency => $row->{'Conversion Currency'} };
		}
		return;
	}

	sub adjustments
	{
		my ($self, $now, $text) = @_;
		for my $row (main::read_file($text, 'Parameters:TimeZone=+0000',
			'Order ID,Conversion Name,Adjustment Time,Adjustment Type,Adjusted Value,Adjusted Value Currency'))
		{
			my $order = $self->{orders}{ $row->{'Order ID'} } // die "CONVERSION_NOT_FOUND $row->{'Order ID'}\n";
			my $time = main::file_time($row->{'Adjustment Time'});
			die "name\n" if $order->{name} ne $row->{'Conversion Name'};
			die "TOO_RECENT_CONVERSION\n" if $now - $order->{time} < $day;
			die "CONVERSION_EXPIRED\n" if $now - $order->{time} > 54 * $day;
			die "ADJUSTMENT_PRECEDES_CONVERSION\n" if $time <= $order->{time};
			die "FUTURE\n" if $time > $now;
			die "ALREADY_RETRACTED\n" if $order->{retracted};
			die "0 is final\n" if $order->{adjusted} && $order->{value} == 0;
			die "RESTATEMENT_ALREADY_EXISTS\n" if $order->{adjusted} && $order->{adjusted} >= $time;
			$order->{adjusted} = $time;
			if ($row->{'Adjustment Type'} eq 'RETRACT')
			{
				die "a retraction with a value\n" if $row->{'Adjusted Value'} ne '' || $row->{'Adjusted Value Currency'} ne '';
				$order->{retracted} = 1;
			}
			elsif ($row->{'Adjustment Type'} eq 'RESTATE')
			{
				die "a restatement without a value\n" if $row->{'Adjusted Value'} eq '';
				main::check_money(@$row{'Adjusted Value', 'Adjusted Value Currency'});
				die "nothing changes\n" if $order->{value} ne '' && $order->{value} == $row->{'Adjusted Value'} && $order->{currency} eq $row->{'Adjusted Value Currency'};
				@$order{qw(value currency)} = @$row{'Adjusted Value', 'Adjusted Value Currency'};
			}
			else { die "INVALID_ADJUSTMENT_TYPE $row->{'Adjustment Type'}\n" }
		}
		return;
	}

	# By id of a conversion what is left: a value and how many count.
	sub sums
	{
		my ($self) = @_;
		my %sums;
		for my $id (keys %{ $self->{orders} })
		{
			my ($order, $base) = ($self->{orders}{$id}, $id =~ s/-\d+\z//r);
			next if $order->{retracted};
			$sums{$base} += $order->{value} || 0;
		}
		return \%sums;
	}
}

# Microsoft's: the key is click and time.
package Microsoft
{
	sub new { my ($class, %clicks) = @_; return bless { clicks => \%clicks, keys => {} }, $class }

	sub clicks
	{
		my ($self, $now, $text) = @_;
		for my $row (main::read_file($text, 'Parameters:TimeZone=+0000',
			'Microsoft Click ID,Conversion Name,Conversion Time,Conversion Value,Conversion Currency'))
		{
			my $time = main::file_time("$row->{'Conversion Time'}+0000");
			my $click = $self->{clicks}{ $row->{'Microsoft Click ID'} } // die "unknown click\n";
			my $key = join "\t", $row->{'Microsoft Click ID'}, $time;
			main::check_money(@$row{'Conversion Value', 'Conversion Currency'});
			die "before the click\n" if $time <= $click;
			die "outside the window\n" if $time >= $click + 90 * $day;
			die "older than 90 days\n" if $now - $time > 90 * $day;
			die "in the future\n" if $time > $now;
			die "the click is too young\n" if $now - $click < 3600;
			die "given twice $key\n" if $self->{keys}{$key};
			$self->{keys}{$key} = { name => $row->{'Conversion Name'}, time => $time, value => $row->{'Conversion Value'} };
		}
		return;
	}

	sub adjustments
	{
		my ($self, $now, $text) = @_;
		for my $row (main::read_file($text, 'Type,Status,Id,Parent Id,Client Id,Modified Time,Name,Conversion Name,Conversion Time,'
			. 'Microsoft Click Id,Adjustment Type,Adjustment Value,Adjustment Time,Adjustment Currency Code', 'Format Version,,,,,,6.0,,,,,,,'))
		{
			my $key = join "\t", $row->{'Microsoft Click Id'}, main::bulk_time($row->{'Conversion Time'});
			my $given = $self->{keys}{$key} // die "no such conversion $key\n";
			my $time = main::bulk_time($row->{'Adjustment Time'});
			die "type\n" if $row->{Type} ne 'Offline Conversion' || $row->{'Conversion Name'} ne $given->{name};
			die "before the conversion\n" if $time < $given->{time};
			die "in the future\n" if $time > $now;
			die "taken back already\n" if $given->{retracted};
			if ($row->{'Adjustment Type'} eq 'Retract')
			{
				die "a retraction with a value\n" if $row->{'Adjustment Value'} ne '';
				$given->{retracted} = 1;
			}
			elsif ($row->{'Adjustment Type'} eq 'Restate')
			{
				die "a restatement without a value\n" if $row->{'Adjustment Value'} eq '';
				main::check_money(@$row{'Adjustment Value', 'Adjustment Currency Code'});
				$given->{value} = $row->{'Adjustment Value'};
			}
			else { die "adjustment type $row->{'Adjustment Type'}\n" }
		}
		return;
	}
}

# APIs that take each event once.
package Api
{
	sub new { my ($class, $platform) = @_; return bless { platform => $platform, seen => {} }, $class }

	sub clicks
	{
		my ($self, $now, $text) = @_;
		for my $line (split /\n/, $text)
		{
			my $event = JSON::PP->new->decode($line);
			my $p = $self->{platform};
			my $time = $p eq 'linkedin' ? $event->{conversionHappenedAt} / 1000 : $event->{event_time};
			my $id = $p eq 'linkedin' ? $event->{eventId} : $event->{event_id};
			my %days = (meta => 7, tiktok => 28, linkedin => 90);
			die "a time in seconds or milliseconds: $line\n" if abs($now - $time) > 1000 * $day;
			die "too old\n" if $now - $time > $days{$p} * $day;
			die "in the future\n" if $time > $now;
			die "twice $id\n" if $self->{seen}{$id}++;
			my $user = $p eq 'linkedin' ? $event->{user}{userIds} : $p eq 'meta' ? $event->{user_data} : $event->{user};
			die "nobody: $line\n" if $p eq 'linkedin' ? !@$user : !%$user;
			die "no rule: $line\n" if $p eq 'linkedin' && $event->{conversion} !~ /\Aurn:lla:llaPartnerConversion:\d+\z/;
			die "amount\n" if $p eq 'linkedin' && $event->{conversionValue} && $line !~ /"amount": "/;
			die "fbc\n" if $p eq 'meta' && exists $user->{fbc} && $user->{fbc} !~ /\Afb\.1\.\d{13}\..+\z/;
			die "hash\n" if grep { !/\A[0-9a-f]{64}\z/ } $p eq 'meta' ? @{ $user->{em} // [] } : $p eq 'tiktok' ? $user->{email} // () : ();
		}
		return;
	}
}

# What a platform is given of a batch, as psql writes it to a file.
sub file_of
{
	my ($schema, $feed, $batch, $file) = @_;
	my $path = "$ENV{PGJ_WORK}/feed.$$";
	system('psql', '-qXAt', '-o', $path, '-c',
		"SELECT line FROM journey.export_lines('$schema', '$feed', $batch, '$file')") == 0 or die;
	open my $in, '<:raw', $path or die;
	my $text = do { local $/; <$in> };
	unlink $path;
	return $text // '';
}

# One round at a time: what is given is imported and marked. Of asking twice the answer is the same.
sub give
{
	my ($schema, $importer, $platform, $now, $options) = @_;
	my $batch = value("SELECT coalesce(journey.export_batch('$schema', '$platform', NULL, " . at($now) . ", '$options'), 0)");
	return 0 if $batch == 0;
	my $text = file_of($schema, $platform, $batch, 'conversions');
	if (rand() < 0.2)
	{
		die "another batch\n" if value("SELECT journey.export_batch('$schema', '$platform', NULL, " . at($now + $day) . ", '$options')") ne $batch;
		die "other lines\n" if file_of($schema, $platform, $batch, 'conversions') ne $text;
	}
	$importer->clicks($now, $text) if $text ne '';
	my $changes = file_of($schema, $platform, $batch, 'adjustments');
	$importer->adjustments($now, $changes) if $changes ne '';
	return value("SELECT journey.mark_exported('$schema', '$platform', $batch)");
}

sql('CREATE EXTENSION pg_journey');
my $seed = $ENV{SEED} // 20261129;
srand $seed;
note "SEED=$seed";

# leads that come, change, go and come back, over 20 days; clicks of all ages
make_model('web');
my @ages = (-3600, 0, 1, 3600, 5 * 3600, 7 * 3600, 2 * $day, 30 * $day, 60 * $day, 91 * $day);
my (%rows, %clicks, %ms_clicks, %gone, $lines);
my ($google, $microsoft) = (Google->new, Microsoft->new);
my %apis = map { ($_ => Api->new($_)) } qw(meta linkedin tiktok);
my $step = 12 * 3600;
my @denied;
for my $round (0 .. 40)
{
	my $now = $start + $round * $step;
	my @sql;
	for (1 .. ($round < 24 ? 4 : 0))
	{
		my $id = 'lead ' . (1 + keys %rows);
		my $age = $ages[ rand @ages ];
		my $time = $now - int rand $step;
		my $click = "Cj\\-$id\"," . ($age == 0 ? 'at' : $age);
		my $row = $rows{$id} = { id => $id, time => $time, click => $click, clicked => $time - $age, value => int(rand 5) * 25.5,
			currency => rand() < 0.2 ? 'JPY' : 'EUR', denied => rand() < 0.1 };
		$clicks{$click} = $ms_clicks{"ms$click"} = $row->{clicked};
		push @denied, $id if $row->{denied};
		push @sql, sprintf(q{INSERT INTO clicks VALUES ('%s', 'd%1$s', '%1$s', %s, 'page', 'https://shop.test/?gclid=%s&msclkid=ms%3$s')},
			$id, at($row->{clicked}), encoded($click));
		push @sql, sprintf(q{INSERT INTO leads VALUES ('%s', 'MQL, "hot"', '%1$s', '%s@customers.net', %s, %s, '%s', %s)},
			$id, $id =~ s/ //r, at($time), $row->{value}, $row->{currency}, $row->{denied} ? q('{"ad_user_data": "denied"}') : 'NULL');
	}
	for my $id (grep { rand() < 0.08 && $round < 36 } sort keys %rows)
	{
		my $what = rand;
		if ($gone{$id}) { push @sql, "INSERT INTO leads SELECT * FROM gone WHERE id = '$id'; DELETE FROM gone WHERE id = '$id'"; delete $gone{$id} }
		elsif ($what < 0.4) { push @sql, "INSERT INTO gone SELECT * FROM leads WHERE id = '$id'; DELETE FROM leads WHERE id = '$id'"; $gone{$id} = 1 }
		else { $rows{$id}{value} = int(rand 4) * 10.25; push @sql, "UPDATE leads SET value = $rows{$id}{value} WHERE id = '$id'" }
	}
	sql('CREATE TABLE gone (LIKE leads)') if $round == 0;
	sql(join ";\n", 'SET client_min_messages = warning', @sql, "SELECT FROM journey.refresh('web')") if @sql;
	%{ $google->{clicks} } = %clicks;
	%{ $microsoft->{clicks} } = %ms_clicks;
	$lines += eval { give('web', $google, 'google_ads', $now, '{}') } // do { fail("Google, round $round: $@"); 0 };
	next if $round % 4;
	$lines += eval { give('web', $microsoft, 'microsoft_ads', $now, '{}') } // do { fail("Microsoft, round $round: $@"); 0 };
	$lines += eval { give('web', $apis{$_}, $_, $now, $_ eq 'linkedin' ? '{"actions": {"MQL, \"hot\"": "77"}}' : '{}') } // do { fail("$_, round $round: $@"); 0 } for sort keys %apis;
}
cmp_ok($lines, '>', 200, "$lines lines were taken by importers that keep to the rules");
cmp_ok(scalar(grep { $_->{adjusted} && !$_->{retracted} } values %{ $google->{orders} }), '>', 5, 'with restatements');
cmp_ok(scalar(grep { $_->{retracted} } values %{ $google->{orders} }), '>', 5, 'with retractions');
cmp_ok(scalar(grep { /-\d+\z/ } keys %{ $google->{orders} }), '>', 2, 'and conversions that came back');

# what they have now is what the model has, of those that its rules let in
my %id_of = map { ($_->[0] => $_->[1]) } sql(q{SELECT sent_id, substr(conversion_id, 12) FROM web.exports WHERE feed = 'google_ads' AND action = 'conversion' AND generation = 1});
my $sums = $google->sums;
my %has = map { ($id_of{$_} => 0 + $sums->{$_}) } keys %$sums;
my %should = map { my $r = $rows{$_}; my $age = $r->{time} - $r->{clicked};
	$gone{$_} || $r->{denied} || $age <= 0 || $age > 90 * $day ? () : ($_ => $r->{currency} eq 'JPY' ? int($r->{value} + 0.5) : 0 + $r->{value}) } keys %rows;
# of one that was changed to 0 Google hears no more, also where it went then
delete @has{ grep { $has{$_} == 0 && !exists $should{$_} } keys %has };
is_deeply(\%has, \%should, 'Google has what the model has, ' . keys(%should) . ' conversions');
my %microsoft;
for my $key (keys %{ $microsoft->{keys} })
{
	my $given = $microsoft->{keys}{$key};
	my ($id) = $key =~ /^msCj\\-(lead \d+)"/;
	$microsoft{$id} += $given->{value} unless $given->{retracted};
}
is_deeply(\%microsoft, \%should, 'so has Microsoft');
my %seen_twice = map { my $n = $_; ($n => scalar(grep { $_ > 1 } values %{ $apis{$n}{seen} })) } keys %apis;
is_deeply(\%seen_twice, { meta => 0, linkedin => 0, tiktok => 0 }, 'and events are given once');
cmp_ok(scalar(keys %{ $apis{meta}{seen} }), '>', 50, 'many of them');
is(value("SELECT count(*) FROM web.exports AS e WHERE substr(conversion_id, 12) IN ('" . join("','", @denied) . "')"), 0, 'nobody who denied it is in them');
is(value("SELECT count(*) FROM journey.verify('web')"), 0, 'to a model it is as nothing');

# two persons who are forgotten, one of whom asks to be taken back, as far as platforms do
my %order_of = reverse %id_of;
my ($taken, $left) = grep { my $o = $google->{orders}{ $order_of{$_} // '' }; $should{$_} && $o && !$o->{adjusted} && $has{$_}
	&& $start + 20 * $day - $rows{$_}{time} > 2 * $day } sort keys %rows;
my $now = $start + 20 * $day + 6 * 3600;
for ([ $taken, 'true' ], [ $left, 'false' ])
{
	my ($id, $retract) = @$_;
	my $feeds = value("SET client_min_messages = warning; SELECT feeds FROM journey.forget('web', '$id', $retract)");
	like($feeds, qr/google_ads.*microsoft_ads/, "$id is forgotten, where the feeds are told of: $feeds");
}
my @kept = sql("SELECT action, sent_id, coalesce(name, '') FROM web.exports WHERE forgotten AND feed = 'google_ads' ORDER BY sent_id = '$order_of{$left}'");
is_deeply(\@kept, [ [ 'conversion', $order_of{$taken}, 'MQL, "hot"' ], [ 'conversion', $order_of{$left}, '' ] ], 'the ids stay');
give('web', $google, 'google_ads', $now, '{}');
give('web', $microsoft, 'microsoft_ads', $now, '{}');
is_deeply([ map { $google->{orders}{ $order_of{$_} }{retracted} // 0 } $taken, $left ], [ 1, 0 ], 'Google takes one back');
is_deeply([ map { my $id = $_; scalar grep { $microsoft->{keys}{$_}{retracted} } grep { /^msCj\\-$id"/ } keys %{ $microsoft->{keys} } } $taken, $left ],
	[ 1, 0 ], 'and Microsoft');
my $dump = qx(pg_dump --data-only -n web);
is(scalar(grep { $dump =~ /\Q$_\E(?!\d)/ } map { ($_, s/ //r . '@', value("SELECT journey.hash_email('" . s/ //r . "\@customers.net', 'meta')")) } $taken, $left), 0,
	'nothing else of them is left in the model');
is(value("SELECT coalesce(journey.export_batch('web', 'google_ads', NULL, " . at($now + $day) . '), 0)'), 0, 'and nothing more is given');

# the batches are there after a dump
my $before = value(q{SELECT md5(string_agg(e::text, ' ' ORDER BY batch, n)) FROM web.exports AS e});
system("createdb copy_$$ && pg_dump -Fc | pg_restore -d copy_$$") == 0 or die;
{
	local $Journey::database = "copy_$$";
	is(value(q{SELECT md5(string_agg(e::text, ' ' ORDER BY batch, n)) FROM web.exports AS e}), $before, 'a dump has what was given');
	is(value("SELECT count(*) FROM journey.google_ads_conversions('web', NULL, " . at($now) . ") WHERE status = 'now'"), 0,
		'and in the copy nothing is given again');
}
system('dropdb', "copy_$$");
done_testing();
