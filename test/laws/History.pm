# Random histories: rows of events in every nasty shape, delivered to a model's sources in random
# batches. Everything follows from the seed.
#
# A history is { seed, segment, options, timeout, sources, worlds, steps }. A world is a set of visitors, users and
# e-mails that no other world knows; several worlds share a model, which costs less than a model each. A
# step is one of
#   insert, replace, update     with rows: replace as loaders do it, rows of the same id in the table go
#                               first; update puts each in the place of the row of number "replaces"
#   remove                      with numbers of rows
#   truncate                    with a table
#   set                         with a setting of the caller for the next refresh
#   refresh, rebuild            with "since", or nothing
#   options                     with options to set before a rebuild, or where it says so a refresh
#   forget                      with a user
#   segment, drop segment       with the name of one of the options' segments
#   leads                       with SQL that changes a table of leads, a source of conversions
#
# A row is { number, table, columns => { name => value }, standard => { ... }, world }: what stands in the
# source's table, and the same in standard form, as the design says that it is read.
package History;
use strict;
use warnings;

our @STANDARD = qw(event_id visitor_id user_id event_time received_at kind name url referrer revenue
  currency order_id source medium campaign term content session_key previous_id platform properties traits);

# Times are microseconds since 2024-03-01 UTC.
use constant { SECOND => 1_000_000, MINUTE => 60_000_000, HOUR => 3_600_000_000, DAY => 86_400_000_000 };

sub new
{
    my ($class, $seed, $segment) = @_;
    # segments of the usual size, or small ones
    $segment //= $seed % 2 ? 0 : 1 + $seed / 2 % 4;
    my $self = bless { seed => $seed, segment => $segment, state => ($seed * 2654435761 + 97) % 4294967296, rows => 0 }, $class;
    $self->chance(1) for 1 .. 10;
    $self->choose_options;
    $self->choose_sources;
    $self->{worlds} = $self->between(3, 6);
    $self->{steps} = [ $self->plan(map { $self->world($_) } 1 .. $self->{worlds}) ];
    # at the end, so that the seeds of before stay what they were
    $self->choose_segments if $self->chance(0.5);
    return $self;
}

# ------------------------------------------------------------------------------------------------
# chance: a generator of our own, the same on every machine
# ------------------------------------------------------------------------------------------------

sub random
{
    my ($self) = @_;
    my $x = $self->{state};
    $x ^= ($x << 13) & 0xffffffff;
    $x ^= $x >> 17;
    $x ^= ($x << 5) & 0xffffffff;
    $self->{state} = $x || 1;
    return $x / 4294967296;
}

sub chance { my ($self, $p) = @_; return $self->random < $p }
sub between { my ($self, $low, $high) = @_; return $low + int($self->random * ($high - $low + 1)) }
sub pick { my $self = shift; return $_[ int($self->random * @_) ] }

# One of the values, each behind its weight.
sub weighted
{
    my ($self, @list) = @_;
    my $sum = 0;
    $sum += $list[ 2 * $_ ] for 0 .. $#list / 2;
    my $at = $self->random * $sum;
    while (@list > 2)
    {
        $at -= $list[0];
        last if $at < 0;
        splice @list, 0, 2;
    }
    return $list[1];
}

sub shuffle
{
    my ($self, @list) = @_;
    for my $i (reverse 1 .. $#list)
    {
        my $j = int($self->random * ($i + 1));
        @list[ $i, $j ] = @list[ $j, $i ];
    }
    return @list;
}

# ------------------------------------------------------------------------------------------------
# options and sources
# ------------------------------------------------------------------------------------------------

sub choose_options
{
    my ($self) = @_;
    my %o;
    $self->{timeout} = $self->weighted(6, 30 * MINUTE, 1, 10 * MINUTE, 1, 2 * HOUR, 1, 1 * MINUTE);
    $o{timeout} = $self->{timeout} / SECOND . ' seconds' if $self->{timeout} != 30 * MINUTE;
    $o{new_campaign} = \1 if $self->chance(0.35);
    $o{midnight} = $self->pick('UTC', 'America/New_York', 'Asia/Kolkata') if $self->chance(0.25);
    $o{time_zone} = $self->pick('Europe/Berlin', 'Pacific/Auckland') if $self->chance(0.3);
    $o{session_key} = \1 if $self->chance(0.35);
    $o{user_change} = \0 if $self->chance(0.25);
    $o{passive_events} = ['Heartbeat'] if $self->chance(0.3);
    $o{max_users_per_visitor} = $self->between(1, 3) if $self->chance(0.3);
    $o{internal_hosts} = ['partner.example.net'] if $self->chance(0.2);
    $o{ignored_referrers} = ['www.bing.com'] if $self->chance(0.2);
    $o{channel_rules} = [
        { source => 'goo*', campaign => 'x', channel => 'Brand' }, { host => 'example.net', channel => 'Partners' },
        { click_id => 'gclid', medium => { not => 'c*' }, channel => 'Clicks' }] if $self->chance(0.2);
    # lists of one's own; not by chance, so that the seeds of before stay what they were
    if ($self->{seed} % 7 == 4)
    {
        $o{referrers} = [ { host => 'partner.example.net', path => '/p', kind => 'social', source => 'partner' },
            { host => 'blog.example.com', source => 'blog' } ];
        $o{click_ids} = [ { name => 'Q', source => 'search' }, { name => 'fbclid', source => 'fb', medium => 'paid' } ];
    }
    $o{internal_users} = [ '*2', 'p1@*' ] if $self->chance(0.3);
    $o{profiles} = 'identified' if $self->chance(0.15);
    $o{email_trait} = 'mail' if $self->chance(0.1);
    $o{exclude} = { host => ['staging.*'], user_id => ['test*'] } if $self->chance(0.3);
    $o{allow_ids} = [ 'NA', '(void)' ] if $self->chance(0.15);
    $self->choose_conversions(\%o) if $self->chance(0.6);
    if ($self->chance(0.3))
    {
        $self->{max_duration} = 3 * $self->{timeout};
        $o{max_duration} = $self->{max_duration} / SECOND . ' seconds';
    }
    $o{keep_properties} = $self->pick(['color'], [ 'total', 'color', 'size' ]) if $self->chance(0.2);
    $self->{exact} = $self->chance(0.25);    # a model that follows its sources, what they lose too
    $o{capture} = 'trigger' if $self->{exact} || $self->chance(0.1);
    $o{ignore_deletes} = \1 if $o{capture} && !$self->{exact};
    $self->{options} = \%o;
}

# Which events are conversions, what each is worth, and how the touches before them earn it.
sub choose_conversions
{
    my ($self, $o) = @_;
    my @list = (
        { name => 'Order', event => 'Order Completed', value => 'revenue' },
        { name => 'Signup', event => 'Signed*', value => 25, currency => $self->pick('EUR', 'JPY') },
        { name => 'Any order', event => 'Order*', value => 'revenue', currency => 'EUR' },
        { name => 'Prices', kind => 'page', event => 'Prices' },
        { name => 'Deep', page => '/l*', value => 'none' },
        { name => 'Red', event => '*', where => { color => 'red' } },
        { name => 'Large', event => 'Order*', where => { total => { '>' => 9 } }, value => 'total' });
    my $n = $self->between(1, 4);
    @list = ($self->shuffle(@list))[ 0 .. $n - 1 ];
    for my $d (@list)
    {
        $d->{count} = $self->pick('first', 'first', 'once per session', 'each') if $self->chance(0.5);
        $d->{lookback} = $self->pick('1 day', '20 hours', '30 minutes', '7 days', '400 days') if $self->chance(0.4);
    }
    push @list, { name => 'Lead', lookback => $self->pick('1 day', '8 days') } if $self->chance(0.3);
    $o->{conversions} = \@list;
    $o->{lookback} = $self->pick('1 day', '10 days', '2 hours') if $self->chance(0.4);
    $o->{attribution} = $self->pick({ half_life => '3 days' }, { position => [ 30, 50, 20 ] }, { paid_only => \1 },
        { exclude_channels => [ 'Direct', 'Email' ] }) if $self->chance(0.4);
    # the lead; not by chance, so that the seeds of before stay what they were
    if ($self->{seed} % 3 == 1)
    {
        $o->{attribution}{lead} = $list[ $self->{seed} / 3 % @list ]{name};
        $o->{attribution}{w_shaped} = [ 20, 40, 30, 5 ] if $self->{seed} % 2;
    }
}

# The options with others that take effect with a refresh.
sub other_lookbacks
{
    my ($self) = @_;
    my %first = (%{ $self->{options} }, lookback => '3 days', attribution => { half_life => '1 day', lead => 'Order' });
    $first{conversions} = [ map { { %$_, lookback => '2 days', count => $_->{count} ? 'each' : 'first' } } @{ $first{conversions} } ];
    return \%first;
}

# Segments: some from the beginning, some made later, and dropped and made again.
sub choose_segments
{
    my ($self) = @_;
    my %list = map { ("s$_" => $self->segment(0)) } 1 .. $self->between(1, 4);
    $self->{options}{segments} = \%list;
    my $rebuilds = !grep { $_->[0] eq 'options' && ($_->[1] // '') eq 'refresh' } @{ $self->{steps} };
    $self->{first_options}{segments} = \%list if $self->{first_options} && !$rebuilds;
    if ($self->{first_options} && $rebuilds)
    {
        my %first = map { $_ => $self->chance(0.5) ? $list{$_} : $self->segment(0) } grep { $self->chance(0.6) } sort keys %list;
        # other ones want a rebuild
        %first = %list if grep { $_->[0] eq 'options' && defined $_->[1] } @{ $self->{steps} };
        $self->{first_options}{segments} = \%first if %first;
        return;
    }
    for my $name (grep { $self->chance(0.4) } sort keys %list)
    {
        my @steps = (['segment', $name]);
        unshift @steps, ['drop segment', $name] if $self->chance(0.3);
        $self->{later}{$name} = 1 if @steps == 1;
        splice @{ $self->{steps} }, $self->between(0, scalar @{ $self->{steps} }), 0, $_ for @steps;
    }
}

# A definition: of one condition, or of some put together.
sub segment
{
    my ($self, $depth) = @_;
    my $what = $self->weighted($depth < 2 ? 3 : 0, 'list', $depth < 3 ? 2 : 0, 'not', 2, 'profile', 6, 'event', 2, 'funnel');
    return { $self->pick('all', 'any') => [ map { $self->segment($depth + 1) } 1 .. $self->between(1, 3) ] } if $what eq 'list';
    return { not => $self->segment($depth + 1) } if $what eq 'not';
    return { profile => $self->pick({ is_identified => \1 }, { is_internal => \0, events => { '>' => 3 } }, { 'traits.plan' => 'pro' },
        { sessions => { '>' => 1 } }, { email => { exists => \1 } }, { first_touch_channel => 'Direct' }, { page_views => { '<' => 3 } },
        { 'traits.age' => { '>' => 20 } }, { gclid => undef }, { conversions => { '>' => 0 } }, { 'conversion_counts.Lead' => { '>' => 0 } },
        { first_converted_at => { exists => \0 } }) } if $what eq 'profile';
    my %last = $self->chance(0.7) ? (last => $self->pick('30 minutes', '1 day', '20 hours', '8 days', '1 second', '400 days')) : ();
    $last{since} = Run::time_text($self->between(0, 40) * DAY) if $self->chance(0.1);
    $last{until} = Run::time_text($self->between(10, 60) * DAY) if $self->chance(0.1);
    my @steps = ('Signed Up', 'Order*', 'kind:page', 'page:/l*', 'kind:identify', { event => '*', where => { color => 'red' } },
        'Order Completed', { event => 'Order*', where => { total => { '>' => 9 } } });
    if ($what eq 'funnel')
    {
        my %within = $self->chance(0.6) ? (within => $self->pick('30 minutes', '1 day', '0 seconds', '9 days')) : ();
        return { funnel => [ map { $self->pick(@steps) } 1 .. $self->weighted(1, 1, 6, 2, 1, 3) ], %within, %last };
    }
    my $step = $self->pick({ event => 'Signed*' }, { event => '*' }, { kind => 'page' }, { page => '/l*' }, { event => 'Order Completed' },
        { kind => 'track', where => { color => 'red' } }, { event => 'Order*', where => { total => { '>' => 9 } } });
    $last{at_least} = $self->between(1, 3) if $self->chance(0.4);
    $last{at_most} = $self->between($last{at_least} // 0, 4) if $self->chance(0.2);
    $last{without} = $self->pick(@steps) if $self->chance(0.3);
    return { %$step, %last };
}

# own: a table in standard form; loader: a schema as RudderStack fills it. Without a load time a source is
# read whole.
sub choose_sources
{
    my ($self) = @_;
    my $which = $self->weighted(5, 'own', 5, 'loader', 2, 'both');
    $self->{own} = { whole => $self->chance(0.5) } if $which ne 'loader';
    $self->{loader} = {} if $which ne 'own';
    # the first source's ids are as they are, those of another space get its name before them
    $self->{own_prefix} = $which eq 'both' ? 'own:' : '';
}

# ------------------------------------------------------------------------------------------------
# a world
# ------------------------------------------------------------------------------------------------

my @pages = map { "https://shop.example.org$_" } '/', '/a', '/b?q=1', '/b?q=1#top', '/long/path/';
my @campaigns = map { "https://shop.example.org/l?$_" } 'utm_source=google&utm_medium=cpc&utm_campaign=x',
  'utm_source=google&utm_medium=cpc&utm_campaign=y', 'utm_source=news&utm_medium=email', 'gclid=G1', 'gclid=G2',
  'gclid=G1&utm_source=google', 'fbclid=F1', 'msclkid=M1&gclid=G3', 'mc_eid=secret', 'utm_term=only',
  'utm_campaign=x#utm_source=frag', 'utm_source=GOOGLE&utm_medium=Cpc&utm_campaign=X', 'utm_medium=cpc',
  'utm_source=(direct)&utm_medium=(none)', 'utm_source=news&amp;utm_medium=email', 'gclid={gclid}',
  'utm_source=chatgpt.com', 'utm_source=google&utm_medium=cpc&utm_campaign=x&page=2';
my @referrers = ('https://www.google.com/', 'https://www.bing.com/search?q=x', 'https://shop.example.org/a',
    'https://partner.example.net/p', 'https://news.blog.example.com/', '$direct', 'https://t.co/x', 'https://www.youtube.com/',
    'https://shop-example-org.cdn.ampproject.org/', 'https://chatgpt.com/');

my $mine = 'of-';    # begins a value that is its user's alone

# What stands for no id; two of them may be allowed.
my @no_ids = ('NULL', '"null"', '(void)', '[None]', '{"nan"}', "'Not Set'", 'userId', 'ANONYMOUSID', '\\N', '{}', 'NA', '<unknown>');

# All rows that a world will ever deliver, in no order.
sub world
{
    my ($self, $n) = @_;
    my $letters = $self->between(1, 3);
    my $w = {
        number => $n,
        visitors => [ map { "v$n" . substr('abcd', $_, 1) } 0 .. $self->between(0, 3) ],
        users => [ map { "u$n-$_" } 1 .. ($self->chance(0.25) ? 9 : $self->between(1, 4)) ],
        emails => [ map { "p$_\@mail$n.org" } 1 .. 3 ],
        start => $self->between(0, 40) * DAY + $self->between(0, 23) * HOUR,
        times => [],
        rows => [],
        aliases => $self->chance(0.4) ? 0.25 : 0.04,
        keys => exists $self->{options}{session_key} ? 0.6 : 0.1,
        anonymous => $self->pick(0.3, 0.6, 0.85),
    };
    # an address that is a user's id, too
    push @{ $w->{users} }, $self->pick("p1\@mail$n.org", "P1\@mail$n.org", "p2\@mail$n.org", "p1\@mail$n.org ")
      for 1 .. $self->weighted(6, 0, 3, 1, 1, 2);
    my $events = $self->weighted(3, 4, 5, 12, 3, 30);
    for (1 .. $self->between(1, $events))
    {
        if (@{ $w->{rows} } && $self->chance(0.25)) { $self->copy_of($w, $self->pick(@{ $w->{rows} })) }
        elsif ($self->chance(0.15)) { $self->scene($w) }
        else { $self->event($w) }
    }
    $self->long_run($w) if $self->chance(0.04);
    return $w;
}

# Times lie where rules turn: around others by the timeout, the step of copies, the length of a session.
sub time_in
{
    my ($self, $w, $from) = @_;
    my $t = $self->{timeout};
    my $base = $from // (@{ $w->{times} } ? $self->pick(@{ $w->{times} }) : $w->{start});
    my $step = $self->weighted(2, 0, 6, $t, 6, $self->between(1, 40) * SECOND, 4, int($self->random * $t),
        2, $self->{max_duration} // $t, 3, DAY, 1, $self->between(1, 3) * HOUR, 1, 20 * HOUR,
        0.5, $self->between(2, 9) * DAY);
    $step += $self->pick(-1, 0, 0, 1, 1);
    $step = -$step if $self->chance(0.3);
    my $time = $base + $step;
    if (!defined $from && $self->chance(0.05))    # a midnight somewhere
    {
        $time = int($time / DAY) * DAY + $self->pick(0, 5 * HOUR, 18.5 * HOUR) + $self->pick(-1, 0, 1);
    }
    $time = 0 if $time < 0;
    push @{ $w->{times} }, $time unless defined $from;
    return $time;
}

sub user { my ($self, $w) = @_; return $self->pick(@{ $w->{users} }) }

sub user_or_not
{
    my ($self, $w) = @_;
    return undef if $self->chance($w->{anonymous});
    return $self->pick('undefined', '', ' null ', 'test-1', @no_ids) if $self->chance(0.05);
    return $self->user($w);
}

sub traits
{
    my ($self, $w) = @_;
    my $key = $self->{options}{email_trait} // 'email';
    my %t;
    $t{$key} = $self->weighted(10, $self->pick(@{ $w->{emails} }), 2, ' ' . uc($w->{emails}[0]), 1, 'no address', 1, undef)
      if $self->chance(0.7);
    $t{plan} = $self->pick('free', 'pro', undef) if $self->chance(0.5);
    $t{age} = $self->between(20, 23) if $self->chance(0.3);
    return %t ? \%t : undef;
}

sub event
{
    my ($self, $w, %given) = @_;
    my %e = map { $_ => undef } @STANDARD;
    $e{kind} = $given{kind} // $self->weighted(35, 'page', 30, 'track', 18, 'identify', 3, 'screen', 2, 'group', 100 * $w->{aliases}, 'alias');
    $e{event_id} = $self->pick('a' .. 'z') . "$w->{number}-" . ++$self->{events} unless $self->chance(0.1);
    $e{visitor_id} = $self->weighted(20, $self->pick(@{ $w->{visitors} }), 2, undef, 0.4, 'null', 0.4, $self->pick(@no_ids));
    $e{user_id} = $self->user_or_not($w);
    $e{user_id} //= $self->user($w) if !defined $e{visitor_id} && $self->chance(0.9);
    $e{event_time} = $self->time_in($w);
    $e{received_at} = $e{event_time} + $self->pick(0, SECOND, HOUR, DAY) unless $self->chance(0.1);
    $e{event_time} = undef if $self->chance(0.01);
    $e{event_time} += 2 * DAY if defined $e{event_time} && $self->chance(0.01);
    $e{event_time} += 120 * DAY if defined $e{event_time} && !defined $e{received_at} && $self->chance(0.03);
    $e{platform} = $self->weighted(30, undef, 5, 'web', 2, 'server', 1, 'sources');
    $e{session_key} = $self->pick('k1', 'k2') if $self->chance($w->{keys});
    if ($e{kind} eq 'page' || ($e{kind} ne 'screen' && $self->chance(0.4)))
    {
        $e{url} = $self->weighted(12, $self->pick(@pages), 8, $self->pick(@campaigns), 1, 'https://staging.example.org/', 1, undef);
        $e{referrer} = $self->pick(@referrers) if $self->chance(0.5);
    }
    if ($self->chance(0.1))
    {
        $e{source} = $self->pick('partner', 'google', 'Google', 'direct', '(direct)') if $self->chance(0.7);
        $e{medium} = $self->pick('cpc', 'affiliate', 'CPC', 'none', '(not set)') if $self->chance(0.7);
        $e{campaign} = $self->pick('x', 'z', 'X', 'none', 'null') if $self->chance(0.5);
        $e{term} = 'shoes' if $self->chance(0.3);
    }
    $e{name} = $self->pick('Home', 'Prices') if $e{kind} =~ /page|screen/ && $self->chance(0.7);
    $e{traits} = $self->traits($w) if $e{kind} eq 'identify';
    $e{previous_id} = $self->weighted(8, $self->user($w), 6, $self->pick(@{ $w->{visitors} }), 1, undef, 1, 'unknown')
      if $e{kind} eq 'alias';
    $self->track(\%e) if $e{kind} eq 'track';
    $e{properties} = { color => $self->pick('red', 'blue') } if $e{kind} =~ /page|screen/ && $self->chance(0.2);
    %e = (%e, %given);
    $e{url} = "https://shop.example.org/m?gclid=$mine?" if $e{kind} eq 'page' && $self->chance(0.1);
    $e{traits} = { %{ $e{traits} // {} }, me => "$mine?" } if $e{kind} eq 'identify' && $self->chance(0.3);
    $self->mark(\%e);
    return $self->deliver($w, \%e);
}

# Values that tell whose they are, in clicks and traits, are those of the event's user.
sub mark
{
    my ($self, $e) = @_;
    my $user = $e->{user_id} // '';
    my $value = $user =~ /^u\d+-\d+$/ ? "$mine$user" : undef;
    if (defined $e->{url} && $e->{url} =~ /gclid=$mine/)
    {
        $e->{url} = defined $value ? "https://shop.example.org/m?gclid=$value" : 'https://shop.example.org/m';
    }
    if (defined $e->{traits} && defined $e->{traits}{me})
    {
        $e->{traits} = { %{ $e->{traits} }, me => $value };
    }
}

# A few events of one device and two or three persons, close together: a login just before or behind a page,
# what a server says of others, e-mails alone, aliases between them, waits with the sender's key.
sub scene
{
    my ($self, $w) = @_;
    my $visitor = $self->pick(@{ $w->{visitors} });
    my @users = ($self->user($w), $self->user($w), undef);
    my $time = $self->time_in($w);
    my $key = $self->chance($w->{keys}) ? 'k1' : undef;
    my $equal = $self->chance(0.15);
    for (1 .. $self->between(2, 7))
    {
        my ($a, $b) = $self->shuffle(@users);
        my $what = $self->weighted(6, 'page', 5, 'identify', 4, 'server', 2, 'e-mail', 1, 'alias', 1, 'device alias', 1, 'group');
        my %given = (visitor_id => $visitor, event_time => $time, user_id => $a, platform => undef,
            kind => $what =~ s/device //r, session_key => $self->chance(0.9) ? $key : 'k2');
        $given{received_at} = $time + $self->pick(0, SECOND, HOUR);
        %given = (%given, kind => 'track', platform => 'server', name => 'Signed Up', revenue => undef) if $what eq 'server';
        if ($what eq 'e-mail')
        {
            my $address = { ($self->{options}{email_trait} // 'email') => $self->pick(@{ $w->{emails} }) };
            %given = (%given, kind => 'identify', user_id => undef, traits => $address);
        }
        $given{previous_id} = $what eq 'alias' ? $b // $visitor : $visitor if $what =~ /alias/;
        $given{user_id} //= $self->user($w) if $what =~ /alias/;
        $given{url} = undef if $what ne 'page';
        $self->event($w, %given);
        push @{ $w->{times} }, $time;
        next if $equal;
        my $t = $self->{timeout};
        $time += $self->weighted(8, $self->between(1, 60) * SECOND, 3, int($t / 2), 2, $t, 2, $t + 1, 2, int(1.5 * $t), 1, 0);
    }
}

sub track
{
    my ($self, $e) = @_;
    $e->{name} = $self->weighted(4, 'Signed Up', 2, 'Heartbeat', 4, 'Order Completed', 2, 'Order Refunded');
    @$e{qw(revenue currency order_id)} = ();
    return unless $e->{name} =~ /^Order/;
    $e->{revenue} = $self->chance(0.1) ? undef : $self->pick('10', '12.50', '0', '7');
    $e->{revenue} = "-$e->{revenue}" if defined $e->{revenue} && $e->{name} eq 'Order Refunded';
    $e->{currency} = $self->weighted(5, 'USD', 1, 'EUR', 1, undef, 1, 'usd', 1, ' Usd ', 0.5, ' ');
    $e->{order_id} = $self->pick('o1', 'o2', 'o3', undef);
}

# The same event again: received at another time, dated otherwise, with other content, or none of these.
sub copy_of
{
    my ($self, $w, $row) = @_;
    my %e = %{ $row->{event} };
    $e{received_at} += $self->pick(-HOUR, SECOND, DAY) if defined $e{received_at} && $self->chance(0.5);
    if (defined $e{event_time} && $self->chance(0.5))
    {
        for (1 .. $self->between(0, 2))    # others in between may come to make a chain
        {
            $e{event_time} += $self->weighted(4, $self->between(-9, 9) * SECOND, 4, DAY, 2, -(DAY), 3, DAY + 1, 2,
                -(DAY) - 1, 3, 20 * HOUR, 2, -20 * HOUR, 1, 12 * HOUR);
            $e{event_time} = 0 if $e{event_time} < 0;
        }
        $e{received_at} = $e{event_time} + $self->pick(0, HOUR) if defined $e{received_at} && $self->chance(0.7);
        push @{ $w->{times} }, $e{event_time};
    }
    $e{visitor_id} = $self->pick(@{ $w->{visitors} }) if $self->chance($e{kind} eq 'alias' ? 0.5 : 0.1);
    if ($self->chance(0.5))    # corrected
    {
        $e{user_id} = $self->pick(undef, $self->user($w)) if $self->chance(0.4);
        $e{url} = $self->pick(undef, @pages, @campaigns) if $self->chance(0.3);
        $e{traits} = $self->traits($w) if defined $e{traits};
        $e{session_key} = $self->pick(undef, 'k1', 'k3') if $self->chance(0.2);
        $e{previous_id} = $self->pick($self->user($w), @{ $w->{visitors} }) if $e{kind} eq 'alias';
        $e{platform} = $self->pick(undef, 'server') if $self->chance(0.1);
        $self->track(\%e) if $e{kind} eq 'track' && $self->chance(0.5);
        # the same amount written otherwise is another one, to the bit
        $e{revenue} .= $e{revenue} =~ /\./ ? '0' : '.0' if defined $e{revenue} && $self->chance(0.5);
    }
    $self->mark(\%e);
    return $self->deliver($w, \%e);
}

# More events than a segment holds, at steps that now and then end a session; or a server's, outside of all.
sub long_run
{
    my ($self, $w) = @_;
    my $server = $self->chance(0.4);
    my $visitor = $server && $self->chance(0.5) ? undef : $self->pick(@{ $w->{visitors} });
    my $user = $self->user($w);
    my $time = $w->{start};
    for (1 .. $self->between(260, 320))
    {
        $time += $self->weighted(50, SECOND, 1, $self->{timeout}, 0.2, $self->{timeout} + 1);
        my %given = (visitor_id => $visitor, event_time => $time, received_at => $time, platform => $server ? 'server' : undef);
        $given{user_id} = defined $visitor ? undef : $user if $self->chance(0.95);
        $given{url} = undef if $self->chance(0.9);
        $self->event($w, %given);
    }
}

# ------------------------------------------------------------------------------------------------
# rows of the sources
# ------------------------------------------------------------------------------------------------

# Puts an event into one of the sources; the loader writes some events to two tables.
sub deliver
{
    my ($self, $w, $event) = @_;
    if ($self->{own} && (!$self->{loader} || $self->chance(0.5)))
    {
        my %c = %$event;
        my %s = %$event;
        $s{event_time} //= $s{received_at};
        $c{properties} = $s{properties} = { %{ $c{properties} // {} }, context_campaign_id => 'c3' }
          if $c{kind} =~ /^(page|track)$/ && $self->chance(0.04);
        $c{kind} = $self->pick(undef, '') if $c{kind} eq 'track' && $self->chance(0.2);
        if ($c{kind} && $c{kind} =~ /^(page|screen)$/ && $self->chance(0.3))    # known by its name, or a URL without one
        {
            $c{name} = $s{name} = $c{kind} eq 'screen' ? $self->pick('Screen Viewed', 'screen')
              : defined $c{url} ? $self->pick('page_view', 'Page Viewed', undef) : 'pageview';
            $c{kind} = undef;
        }
        $c{kind} = $s{kind} = 'click' if $self->chance(0.005);
        $s{event_id} = $self->{own_prefix} . $s{event_id} if defined $s{event_id};
        $self->row($w, 'events', $event, \%c, \%s);
        return;
    }
    $self->loader_rows($w, $event);
}

sub row
{
    my ($self, $w, $table, $event, $columns, $standard) = @_;
    $columns->{loaded_at} //= 0 if $table eq 'events';
    push @{ $w->{rows} },
      {
        number => ++$self->{rows}, table => $table, event => $event, columns => $columns,
        standard => $standard, world => $w->{number}
      };
}

# The rows that a loader makes of an event. Fields without a column of their own are lost on the way, and
# what has no value is no trait or property.
sub loader_rows
{
    my ($self, $w, $event) = @_;
    my $kind = $event->{kind};
    my %c = (
        id => $event->{event_id}, anonymous_id => $event->{visitor_id}, user_id => $event->{user_id},
        timestamp => $event->{event_time}, received_at => $event->{received_at}, channel => $event->{platform},
        context_session_id => $event->{session_key}, context_page_url => $event->{url},
        context_page_referrer => $event->{referrer},
        map { ("context_campaign_" . ($_ eq 'campaign' ? 'name' : $_)) => $event->{$_} }
          qw(source medium campaign term content));
    my $campaign_id = $self->chance(0.06) ? $self->pick('c1', 'c2') : undef;
    $c{context_campaign_id} = $campaign_id;
    my %s = (%$event, event_time => $event->{event_time} // $event->{received_at},
        map { $_ => undef } qw(name revenue currency order_id previous_id properties traits));

    if ($kind eq 'page' || $kind eq 'screen')
    {
        $c{name} = $s{name} = $event->{name};
        if ($kind eq 'page' && $self->chance(0.7))    # its own columns go before those of the context
        {
            $c{url} = $event->{url};
            $c{referrer} = $event->{referrer};
            $c{context_page_url} = 'https://other.example.org/' if defined $c{url} && $self->chance(0.2);
        }
        $s{properties} = $event->{properties};
        $c{color} = $event->{properties}{color} if defined $event->{properties};
        $s{properties} = { %{ $s{properties} // {} }, context_campaign_id => $campaign_id } if defined $campaign_id;
        return $self->row($w, "${kind}s", $event, \%c, \%s);
    }
    return $self->track_rows($w, $event, \%c, \%s) if $kind eq 'track';
    if ($kind eq 'alias')
    {
        $c{previous_id} = $s{previous_id} = $event->{previous_id};
        return $self->row($w, 'aliases', $event, \%c, \%s);
    }
    return $self->row($w, 'groups', $event, \%c, \%s) if $kind eq 'group';

    my %traits = map { $_ => $event->{traits}{$_} } grep { defined $event->{traits}{$_} } keys %{ $event->{traits} // {} };
    $s{traits} = %traits ? \%traits : undef;
    # the loader has them as columns of their own, or of the context, or both
    my %columns = map {
        my $place = $self->weighted(4, 'own', 2, 'context', 1, 'both');
        (($place ne 'context' ? ($_ => $traits{$_}) : ()),
            ($place ne 'own' ? ("context_traits_$_" => $place eq 'both' ? 'other' : $traits{$_}) : ()))
    } sort keys %traits;
    if ($columns{context_traits_age})    # as text there, it would be another value
    {
        delete $columns{context_traits_age};
        $columns{age} = $traits{age};
    }
    $self->row($w, 'identifies', $event, { %c, %columns }, \%s);
    return unless defined $event->{user_id} && $event->{user_id} ne '' && $self->chance(0.3);
    my $time = $event->{received_at} // $event->{event_time};
    $self->row($w, 'users', $event, { id => $event->{user_id}, received_at => $time, %traits },
        { user_id => $event->{user_id}, event_time => $time, received_at => $time, kind => 'users', traits => $s{traits} });
}

# A track stands in "tracks" without its properties, and in the table of its event with them.
sub track_rows
{
    my ($self, $w, $event, $c, $s) = @_;
    my $table = lc $event->{name} =~ s/ /_/gr;
    @$c{ 'event', 'event_text' } = ($table, $event->{name});
    $s->{name} = $event->{name};
    my %campaign = defined $c->{context_campaign_id} ? (context_campaign_id => $c->{context_campaign_id}) : ();
    $s->{properties} = {%campaign} if %campaign;
    $self->row($w, 'tracks', $event, {%$c}, {%$s}) if $self->chance(0.9);
    return unless $self->chance(0.9);

    my %own = (%$c, currency => $event->{currency}, order_id => $event->{order_id});
    my %standard = (%$s, currency => $event->{currency}, order_id => $event->{order_id}, revenue => $event->{revenue});
    if (defined $event->{revenue})
    {
        my $amount = $event->{revenue} =~ s/^-//r;
        my %properties;
        if ($event->{name} eq 'Order Refunded') { $properties{total} = $amount }
        elsif ($self->chance(0.7)) { %properties = (revenue => $amount, total => '99') }
        else { $properties{total} = $amount }
        %own = (%own, %properties);
        $standard{properties} = { %campaign, map { $_ => \$properties{$_} } keys %properties };
    }
    $self->row($w, $table, $event, \%own, \%standard);
}

# ------------------------------------------------------------------------------------------------
# steps
# ------------------------------------------------------------------------------------------------

# Deals the rows of all worlds out to a few batches.
sub plan
{
    my ($self, @worlds) = @_;
    my @rows = $self->shuffle(map { @{ $_->{rows} } } @worlds);
    @rows = sort { ($a->{standard}{event_time} // 0) <=> ($b->{standard}{event_time} // 0) } @rows if $self->chance(0.3);
    my $batches = $self->between(1, 6);
    my @batch = map { [] } 1 .. $batches;
    my $ordered = $self->chance(0.4);
    for my $i (0 .. $#rows)
    {
        push @{ $batch[ $ordered ? int($i * $batches / @rows) : $self->between(0, $batches - 1) ] }, $rows[$i];
        push @{ $batch[ $self->between(0, $batches - 1) ] }, { %{ $rows[$i] }, number => ++$self->{rows} }
          if $self->chance(0.08);
    }
    my (@steps, @before);
    for my $batch (@batch)
    {
        push @steps, $self->batch_steps($batch, @before);
        @before = @$batch;
        push @steps, [ truncate => $self->pick('events', 'tracks', 'pages', 'identifies', 'users') ]
          if $self->{exact} && $self->chance(0.03);
        push @steps, [ set => $self->setting ] if $self->chance(0.2);
        push @steps, [ refresh => $self->chance(0.1) ? $worlds[0]{start} : undef ];
        push @steps, ['rebuild'] if $self->chance(0.08);
    }
    # other options in the middle of it all
    if ($self->chance(0.1))
    {
        my %last = %{ $self->{options} };
        $self->choose_options;
        delete $self->{options}{$_} for qw(allow_ids capture ignore_deletes exclude keep_properties);
        my %first = %{ $self->{options} };
        $first{$_} = $last{$_} for grep { exists $last{$_} } qw(allow_ids capture ignore_deletes exclude keep_properties);
        $self->{options} = \%last;
        $self->{exact} = $last{capture} && !$last{ignore_deletes};
        $self->{first_options} = \%first;
        splice @steps, $self->between(0, scalar @steps), 0, ['options'];
    }
    elsif ($self->{options}{conversions} && $self->{seed} % 3 == 2)
    {
        $self->{first_options} = $self->other_lookbacks;
        splice @steps, $self->{seed} / 3 % (@steps + 1), 0, [ options => 'refresh' ];
    }
    if ($self->chance(0.05))
    {
        $self->{forgets} = 1;
        splice @steps, $self->between(0, scalar @steps), 0, [ forget => $self->pick(@{ $self->pick(@worlds)->{users} }) ];
    }
    $self->choose_leads(\@worlds, \@steps) if $self->chance(0.4);
    return @steps;
}

# A table of leads, of all worlds' persons and nobody: rows come, change and are taken back; where it is read
# whole, they go, too. Before each refresh.
sub choose_leads
{
    my ($self, $worlds, $steps) = @_;
    $self->{leads} = { whole => $self->chance(0.4) };
    my $loads = 0;
    for my $i (reverse 0 .. $#$steps)
    {
        next if $steps->[$i][0] ne 'refresh' || $self->chance(0.3);
        splice @$steps, $i, 0, [ leads => join ' ', map { $self->lead($worlds) } 1 .. $self->between(1, 4) ];
    }
    for my $step (grep { $_->[0] eq 'leads' } @$steps)
    {
        $loads++;
        my $at = Run::time_text(100 * DAY + $loads * HOUR);
        $step->[1] =~ s/LOADED/$self->{leads}{whole} ? 'NULL' : "'$at'"/ge;
    }
}

# One id is in one statement of a step alone, unless it goes.
sub lead
{
    my ($self, $worlds) = @_;
    my $w = $self->pick(@$worlds);
    my $id = 'L' . ++$self->{lead_ids};
    $id = 'L' . $self->between(1, $self->{lead_ids}) if $self->chance(0.5);
    my $quoted = sub { my ($value) = @_; return defined $value ? "'" . $value =~ s/'/''/gr . "'" : 'NULL' };
    my $time = $self->chance(0.2) ? 'NULL' : "'" . Run::time_text(@{ $w->{times} } ? $self->pick(@{ $w->{times} }) : $w->{start}) . "'";
    my $whose = $self->weighted(3, 'email', 3, 'user_id', 3, 'device', 1, 'all', 1, 'none');
    my %value = (
        email => $whose =~ /email|all/ ? $self->pick(@{ $w->{emails} }, uc $w->{emails}[0]) : undef,
        user_id => $whose =~ /user_id|all/ ? $self->pick(@{ $w->{users} }, 'null') : undef,
        device => $whose =~ /device|all/ ? $self->pick(@{ $w->{visitors} }) : undef);
    my $row = join ', ', (map { $quoted->($value{$_}) } qw(email user_id device)), $time,
      $quoted->($self->pick(undef, '10', '99.95', '0', '-3.5')), $quoted->($self->pick(undef, 'EUR', 'jpy')),
      $quoted->($self->pick(undef, 'own-click')), 'LOADED';
    return "DELETE FROM crm_live.leads WHERE id = '$id';" if $self->{leads}{whole} && $self->chance(0.2);
    return "DELETE FROM crm_live.leads WHERE id = '$id';" if $self->{exact} && ($self->{lead_ids} + $self->{seed}) % 5 == 0;
    return "DELETE FROM crm_live.leads WHERE id = '$id'; INSERT INTO crm_live.leads VALUES ('$id', $row);"
      if $self->{leads}{whole} || $self->chance(0.4);
    return "DELETE FROM crm_live.leads WHERE id = '$id' AND loaded_at = LOADED; INSERT INTO crm_live.leads VALUES ('$id', $row);";
}

# How a batch comes into its tables. Some rows take the places of others.
sub batch_steps
{
    my ($self, $batch, @before) = @_;
    my (@new, @updates, %taken);
    # with ignore_deletes an update still takes its old row away, and no set of rows tells the outcome
    my $updates = $self->{options}{ignore_deletes} ? 0 : 0.1;
    for my $row (@$batch)
    {
        my ($old) = $self->chance($updates)
          ? $self->shuffle(grep { $_->{table} eq $row->{table} && $_->{world} == $row->{world} && !$taken{ $_->{number} } } @before)
          : ();
        $taken{ $old->{number} } = 1 if $old;
        if ($old) { push @updates, { %$row, replaces => $old->{number} } }
        else { push @new, $row }
    }
    my @steps = [ ($self->chance(0.3) ? 'replace' : 'insert'), \@new ];
    push @steps, [ update => \@updates ] if @updates;
    push @steps, [ remove => [ map { $_->{number} } grep { $self->chance(0.3) } @before, @new ] ]
      if $self->chance($self->{exact} ? 0.3 : 0.1);
    return @steps;
}

# Settings of the caller, which must not matter.
sub setting
{
    my ($self) = @_;
    return $self->pick("timezone = 'America/Los_Angeles'", "datestyle = 'German'", "intervalstyle = 'sql_standard'",
        'enable_hashjoin = off', 'enable_nestloop = off', 'enable_hashagg = off', 'extra_float_digits = 0',
        "search_path = ''", 'standard_conforming_strings = off', 'default_transaction_isolation = serializable');
}

1;
