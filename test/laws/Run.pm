# Runs histories on a server: writes each as one SQL script whose queries give no row if the laws hold.
package Run;
use strict;
use warnings;
use Cwd ();
use File::Basename ();
use IPC::Open2;
use JSON::PP ();
use POSIX ();

my $here = File::Basename::dirname(Cwd::abs_path(__FILE__));
my $json = JSON::PP->new->canonical->allow_nonref;

my %types = (
    (map { $_ => 'timestamptz' } qw(event_time received_at timestamp original_timestamp loaded_at uuid_ts)),
    (map { $_ => 'numeric' } qw(revenue total)),
    (map { $_ => 'jsonb' } qw(properties traits)),
    age => 'bigint', number => 'bigint');

# ------------------------------------------------------------------------------------------------
# values as SQL
# ------------------------------------------------------------------------------------------------

# Microseconds since 2024-03-01 UTC.
sub time_text
{
    my ($time) = @_;
    my $seconds = POSIX::floor($time / 1_000_000);
    return POSIX::strftime('%Y-%m-%d %H:%M:%S', gmtime(1709251200 + $seconds))
      . sprintf('.%06d+00', $time - $seconds * 1_000_000);
}

# A reference to a string is a number as it is written.
sub json_text
{
    my ($value) = @_;
    return ref $value ? $$value : $json->encode($value) unless ref $value eq 'HASH';
    return '{' . join(', ', map { $json->encode($_) . ': ' . json_text($value->{$_}) } sort keys %$value) . '}';
}

sub literal
{
    my ($column, $value) = @_;
    return 'NULL' unless defined $value;
    my $type = $types{$column} // 'text';
    my $text = $type eq 'timestamptz' ? time_text($value) : $type eq 'jsonb' ? json_text($value) : $value;
    return "'" . $text =~ s/'/''/gr . "'";
}

sub json_literal { my ($value) = @_; return "'" . $json->encode($value) =~ s/'/''/gr . "'" }

sub insert
{
    my ($relation, $columns, @rows) = @_;
    return '' unless @rows;
    return "INSERT INTO $relation (" . join(', ', map { qq("$_") } @$columns) . ") VALUES\n"
      . join(",\n", map { my $row = $_; '(' . join(', ', map { literal($_, $row->{$_}) } @$columns) . ')' } @rows) . ";\n";
}

# ------------------------------------------------------------------------------------------------
# a history as a script
# ------------------------------------------------------------------------------------------------

# A source as it is now, and one that has all that was ever read, for the model that reads but once.
sub new
{
    my ($class, $history) = @_;
    return bless { history => $history, live => {}, ever => {}, known => {}, script => '', loads => 0 }, $class;
}

sub say { my ($self, $sql) = @_; $self->{script} .= "$sql\n" }

sub schema { my ($state, $table) = @_; return $table eq 'events' ? "own_$state" : "loader_$state" }

# Loaders add tables and columns when they first have a value for them.
sub see_columns
{
    my ($self, $table, @rows) = @_;
    my $known = $self->{known}{$table};
    if (!$known)
    {
        $known = $self->{known}{$table} = { map { $_ => 1 } first_columns($table) };
        $self->say("CREATE TABLE " . schema($_, $table) . ".$table ("
              . join(', ', map { qq("$_" ) . ($types{$_} // 'text') } sort keys %$known) . ");")
          for qw(live ever);
    }
    for my $row (@rows)
    {
        for my $column (sort keys %{ $row->{columns} })
        {
            next if !defined $row->{columns}{$column} || $known->{$column}++;
            $self->say("ALTER TABLE " . schema($_, $table) . qq(.$table ADD COLUMN "$column" ) . ($types{$column} // 'text') . ';')
              for qw(live ever);
        }
    }
}

sub first_columns
{
    my ($table) = @_;
    return (@History::STANDARD, 'loaded_at') if $table eq 'events';
    my @columns = qw(id received_at uuid_ts);
    push @columns, qw(anonymous_id user_id timestamp) if $table ne 'users';
    push @columns, qw(event event_text) if $table !~ /^(users|pages|screens|identifies|groups|aliases)$/;
    push @columns, 'previous_id' if $table eq 'aliases';
    return @columns;
}

sub script
{
    my ($self) = @_;
    my $h = $self->{history};
    $self->say("SELECT laws.begin();");
    $self->say("SELECT laws.segments(" . ($h->{segment} || 'NULL') . ");");
    $self->say("CREATE SCHEMA $_;") for qw(own_live own_ever loader_live loader_ever crm_live crm_ever);
    $self->say("CREATE TABLE $_.leads (LIKE oracle.lead);") for qw(crm_live crm_ever);
    $self->see_columns('events') if $h->{own};
    my %first = %{ $h->{first_options} // $h->{options} };
    $first{segments} = { map { $_ => $first{segments}{$_} } grep { !$h->{later}{$_} } keys %{ $first{segments} } } if $first{segments};
    $self->create_model('a', 'live', \%first);
    my $setting = '';
    for my $step (@{ $h->{steps} })
    {
        my ($what, $with) = @$step;
        $self->{unread} = 1 if $what =~ /^(insert|replace|update|remove|truncate)$/;
        if ($what eq 'refresh') { $self->refresh($setting, $with); $setting = '' }
        elsif ($what eq 'set') { $setting = "SET $with;" }
        elsif ($what eq 'remove') { $self->remove(@$with) }
        elsif ($what eq 'truncate') { $self->truncate($with) }
        elsif ($what eq 'update') { $self->update(@$with) }
        elsif ($what eq 'rebuild') { $self->say("SELECT journey.rebuild('a');"); $self->verify('a rebuild') }
        elsif ($what eq 'options') { $self->change_options($with) }
        elsif ($what eq 'forget') { $self->forget($with) }
        elsif ($what eq 'segment') { $self->make_segments($with); $self->verify('a new segment') }
        elsif ($what eq 'drop segment') { $self->say(drop_segment($with)); $self->verify('a dropped segment') }
        elsif ($what eq 'leads') { $self->say($with); $self->{unread} = 1 }
        else { $self->load($what eq 'replace', @$with) }
    }
    $self->finish;
    return $self->{script};
}

sub create_model
{
    my ($self, $model, $state, $options) = @_;
    my $h = $self->{history};
    $self->say("SELECT journey.create_model('$model', NULL, " . json_literal($options) . ');');
    $self->say("SELECT journey.add_schema('$model', 'loader_$state');") if $h->{loader};
    if ($h->{leads})
    {
        my $columns = '{"visitor_id": "device", "converted_at": "at", "value": "amount"' . ($h->{leads}{whole} ? ', "loaded_at": null' : '') . '}';
        $self->say("SELECT journey.add_source('$model', 'crm_$state.leads', 'conversion', '$columns', '{\"name\": \"Lead\"}');");
    }
    if ($h->{own})
    {
        my $columns = $h->{own}{whole} ? '{"loaded_at": null}' : '{}';
        $self->say("SELECT journey.add_source('$model', 'own_$state.events', NULL, '$columns', '{\"id_space\": \"own\"}');");
    }
}

# Rows come with the time of their load; to a users row that says no other it is the time of its traits.
sub loaded
{
    my ($self, @rows) = @_;
    my $time = 90 * 86_400_000_000 + ++$self->{loads} * 600_000_000;
    return map {
        my %row = (%$_, columns => { %{ $_->{columns} }, ($_->{table} eq 'events' ? 'loaded_at' : 'uuid_ts') => $time });
        $row{standard} = { %{ $_->{standard} }, event_time => $time, received_at => $time }
          if $_->{table} eq 'users' && !defined $_->{standard}{event_time};
        \%row
    } @rows;
}

sub load
{
    my ($self, $replaces, @rows) = @_;
    my %by_table;
    push @{ $by_table{ $_->{table} } }, $_ for $self->loaded(@rows);
    for my $table (sort keys %by_table)
    {
        my @new = @{ $by_table{$table} };
        my $id = $table eq 'events' ? 'event_id' : 'id';
        if ($replaces)
        {
            my %last = map { ($_->{columns}{$id} // "none $_->{number}") => $_->{number} } @new;
            my %keep = map { $_ => 1 } values %last;
            @new = grep { $keep{ $_->{number} } } @new;
            $self->remove(map { $_->{number} } grep { defined $_->{columns}{$id} && $last{ $_->{columns}{$id} } }
                  values %{ $self->{live}{$table} // {} });
        }
        $self->see_columns($table, @new);
        $self->{live}{$table}{ $_->{number} } = $_ for @new;
        $self->insert_rows('live', $table, @new);
    }
}

sub insert_rows
{
    my ($self, $state, $table, @rows) = @_;
    $self->{script} .= insert(schema($state, $table) . ".$table", [ sort keys %{ $self->{known}{$table} } ],
        map { $_->{columns} } @rows);
}

# The condition that finds one row in its source: 7 and 7.0 are two.
sub the_row
{
    my ($self, $row) = @_;
    my $table = schema('live', $row->{table}) . ".$row->{table}";
    my @conditions = map {
        my $type = $types{$_} // 'text';
        qq("$_"::${type}::text IS NOT DISTINCT FROM ) . literal($_, $row->{columns}{$_}) . "::${type}::text";
    } sort keys %{ $self->{known}{ $row->{table} } };
    return "$table WHERE ctid = (SELECT min(ctid) FROM $table WHERE " . join(' AND ', @conditions) . ')';
}

sub remove
{
    my ($self, @numbers) = @_;
    my %gone = map { $_ => 1 } @numbers;
    for my $row (grep { $gone{ $_->{number} } } $self->live_rows)
    {
        delete $self->{live}{ $row->{table} }{ $row->{number} };
        $self->say('DELETE FROM ' . $self->the_row($row) . ';');
    }
}

sub update
{
    my ($self, @rows) = @_;
    my %old = map { $_->{number} => $_ } $self->live_rows;
    for my $row (grep { $old{ $_->{replaces} } } $self->loaded(@rows))
    {
        my $table = $row->{table};
        $self->see_columns($table, $row);
        my $set = join ', ', map { qq("$_" = ) . literal($_, $row->{columns}{$_}) } sort keys %{ $self->{known}{$table} };
        $self->say('UPDATE ' . $self->the_row($old{ $row->{replaces} }) =~ s/ WHERE/ SET $set WHERE/r . ';');
        delete $self->{live}{$table}{ $row->{replaces} };
        $self->{live}{$table}{ $row->{number} } = $row;
    }
}

sub truncate
{
    my ($self, $table) = @_;
    return unless $self->{known}{$table};
    $self->say('TRUNCATE ' . schema('live', $table) . ".$table;");
    $self->{live}{$table} = {};
}

sub live_rows
{
    my ($self) = @_;
    return map { my $table = $_; map { $self->{live}{$table}{$_} } sort { $a <=> $b } keys %{ $self->{live}{$table} } }
      sort keys %{ $self->{live} };
}

sub refresh
{
    my ($self, $setting, $since) = @_;
    $self->{unread} = 0;
    $self->say($setting) if $setting;
    $self->say("SELECT 'count', r.* FROM journey.refresh('a'" . (defined $since ? ', since => ' . literal('event_time', $since) : '')
          . ") AS r WHERE rows_read <> new + duplicate + excluded + rejected OR duplicate < 0 AND NOT "
          . ($self->{history}{exact} ? 'true' : 'false') . ';');
    $self->say('RESET ALL;') if $setting;
    $self->note_rows unless $self->{history}{exact};
    $self->note_leads if $self->{history}{leads};
    $self->verify('a refresh');
}

# Rows that are read now count forever, but where the model follows its sources.
sub note_rows
{
    my ($self) = @_;
    my %new;
    push @{ $new{ $_->{table} } }, $_ for grep { !$self->{ever}{ $_->{number} }++ } $self->live_rows;
    for my $table (sort keys %new)
    {
        $self->insert_rows('ever', $table, @{ $new{$table} });
        my $load = $table ne 'events' ? 'uuid_ts' : $self->{history}{own}{whole} ? '' : 'loaded_at';
        $self->{script} .= insert('oracle.raw', [ 'number', 'loaded_at', @History::STANDARD ],
            map { { %{ $_->{standard} }, number => $_->{number}, loaded_at => $_->{columns}{$load} } } @{ $new{$table} });
    }
}

# A table that is read whole, or whose changes are captured, is what it is, but for its rejected rows.
sub note_leads
{
    my ($self) = @_;
    $self->say('TRUNCATE crm_ever.leads, oracle.lead;') if $self->{history}{leads}{whole} || $self->{history}{exact};
    $self->say('INSERT INTO crm_ever.leads SELECT * FROM crm_live.leads EXCEPT SELECT * FROM crm_ever.leads;');
    $self->say("INSERT INTO oracle.$_ SELECT * FROM crm_ever.leads EXCEPT SELECT * FROM oracle.$_;") for qw(lead lead_read);
}

sub verify
{
    my ($self, $after) = @_;
    $self->say("SELECT 'verify after $after', v.relation, v.problem, v.key, v.stored, v.derived FROM journey.verify('a') AS v"
          . ($after eq 'a refresh' ? '' : " WHERE relation <> 'sources'") . ';');
}

# Those of the options, or one of them, that the model does not have yet.
sub make_segments
{
    my ($self, $name) = @_;
    my $all = $self->{history}{options}{segments} // {};
    my %wanted = map { $_ => $all->{$_} } grep { defined $all->{$_} } defined $name ? $name : keys %$all;
    $self->say("DO \$\$BEGIN PERFORM journey.create_segment('a', key, value) FROM jsonb_each(" . json_literal(\%wanted)
          . ") WHERE NOT coalesce((SELECT options -> 'segments' ? key FROM journey.models WHERE model = 'a'), false); END\$\$;")
      if %wanted;
}

sub drop_segment
{
    my ($name) = @_;
    return "DO \$\$BEGIN PERFORM journey.drop_segment('a', '$name') FROM journey.models"
      . " WHERE model = 'a' AND options -> 'segments' ? '$name'; END\$\$;";
}

sub change_options
{
    my ($self, $with) = @_;
    my $h = $self->{history};
    return unless $h->{first_options};
    my %options = ((map { $_ => undef } keys %{ $h->{first_options} }), %{ $h->{options} });
    if (($with // '') eq 'refresh')
    {
        delete $options{segments};    # made one by one
        $self->say("SELECT 'a rebuild is due', x FROM journey.set_options('a', " . json_literal(\%options)
              . ") AS x WHERE x NOT LIKE 'no rebuild is due%';");
        return $self->refresh('');
    }
    $self->say("DO \$\$BEGIN PERFORM journey.set_options('a', " . json_literal(\%options) . "); PERFORM journey.rebuild('a'); END\$\$;");
    $self->verify('other options');
}

sub forget
{
    my ($self, $user) = @_;
    $self->say("DO \$\$BEGIN PERFORM journey.forget('a', '$user'); END\$\$;");
    $self->verify('forgetting');
    $self->say("SELECT 'not forgotten', p.* FROM a.profiles AS p WHERE user_id = '$user';");
}

# Reading all again changes nothing, and everything read at once gives the same, in the model and in
# plain SQL. A model that has forgotten somebody is not to be compared. A history that was made smaller may
# have lost its last refresh.
sub finish
{
    my ($self) = @_;
    my $h = $self->{history};
    $self->refresh('') if $self->{unread};
    $self->make_segments;
    $self->say("SELECT 'all again', new <> 0, sessions_changed <> 0, profiles_changed <> 0, r.* FROM journey.refresh('a', since => '-infinity') AS r"
          . ' WHERE new <> 0 OR sessions_changed <> 0 OR profiles_changed <> 0;');
    my %rules = map { $_ => $h->{options}{$_} } grep { exists $h->{options}{$_} } qw(allow_ids channel_rules click_ids
      email_trait ignored_referrers internal_hosts max_duration midnight new_campaign passive_events referrers
      session_key time_zone user_change);
    $self->say("SELECT 'function', d.* FROM laws.function_differences('a', " . literal('', $h->{options}{timeout} // '30 minutes')
          . ', ' . json_literal(\%rules) . ') AS d;');
    $self->say("SELECT 'stranger', s.* FROM laws.strangers('a') AS s;") unless exists $h->{options}{user_change};
    return if $h->{forgets};
    $self->note_rows if $h->{exact};
    $self->create_model('b', 'ever', { %{ $h->{options} }, capture => 'refresh' });
    $self->say("SELECT 'count', r.* FROM journey.refresh('b') AS r WHERE rows_read <> new + duplicate + excluded + rejected;");
    $self->say("SELECT * FROM laws.differences('a', 'b')" . ($h->{exact} ? " WHERE relation <> 'rejected_events'" : '') . ';');
    $self->say('SELECT FROM oracle.set_options(' . json_literal($h->{options}) . '), oracle.derive();');
    $self->say("SELECT * FROM oracle.differences('a');");
    $self->say("SELECT 'rejected lead', d.* FROM laws.rejected_leads('a') AS d;") if $h->{leads};
    $self->say("SELECT 'count', r, c FROM journey.refresh_log AS r, oracle.counts AS c"
          . " WHERE r.model = 'b' AND (r.rows_read, r.excluded, r.rejected, r.new)"
          . " IS DISTINCT FROM (c.rows_read, c.excluded, c.rejected, c.new);");
}

# ------------------------------------------------------------------------------------------------
# a session with the server
# ------------------------------------------------------------------------------------------------

package Session;

sub new
{
    my ($class, $database) = @_;
    my $self = bless { database => $database }, $class;
    $self->start;
    return $self;
}

sub start
{
    my ($self) = @_;
    local $ENV{PGOPTIONS} = '-c client_min_messages=warning -c timezone=UTC -c jit=off';
    $self->{pid} = IPC::Open2::open2($self->{out}, $self->{in}, "exec psql -qXAt -d $self->{database} 2>&1");
    binmode $self->{$_}, ':utf8' for qw(in out);
}

# What a script prints. Each has a backend of its own: one that has made and dropped tables for hours spends
# its time on invalidations.
sub run
{
    my ($self, $script) = @_;
    print { $self->{in} } "\\connect\n";
    print { $self->{in} } "$script\n\\echo ==done==\n";
    $self->{in}->flush;
    my $text = '';
    my $out = $self->{out};
    while (my $line = <$out>)
    {
        return $text if $line eq "==done==\n";
        $text .= $line unless $line =~ /^\s*$/;
    }
    waitpid $self->{pid}, 0;
    $self->start;
    return "$text(the session ended)\n";
}

1;
