#!/usr/bin/perl
# The systemd units: what systemd-analyze says of each, and that each line of confinement that a unit leaves out is
# left out on purpose.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use File::Temp qw(tempdir);
use Lint;
use Test::More;

my $most = 2.0;

my @units = files(qr{^[a-z]+/packseal[\w-]*\@\.(?:service|socket|timer|path|target)$});
my @services = grep { /\.service$/ } @units;
cmp_ok(scalar @services, '>=', 5, 'signer, recorder, stamp, prune and self-test are services');

# A line that confines, or its name in a comment that says why not.
my @lines = qw(User UMask NoNewPrivileges CapabilityBoundingSet RestrictSUIDSGID PrivateUsers PrivateNetwork
    RestrictAddressFamilies ProtectSystem ReadWritePaths ProtectHome PrivateTmp PrivateMounts PrivateDevices
    DevicePolicy ProtectProc ProtectKernelTunables ProtectKernelModules ProtectKernelLogs ProtectControlGroups
    ProtectHostname ProtectClock RestrictNamespaces RestrictRealtime LockPersonality MemoryDenyWriteExecute
    SystemCallArchitectures SystemCallFilter LimitNOFILE MemoryMax TasksMax CPUWeight IOWeight OOMScoreAdjust);
my @missing;
for my $unit (@services) {
    my $text = slurp($unit);
    for my $line (@lines) {
        push @missing, "$unit: $line=" if $text !~ /^$line=/m && $text !~ /^#.*\b$line=/m;
    }
}
none('each confinement is there, or a comment names it and says why not', @missing);

# Every unit is part of its station's target, or started by one that is; but for one whose command packseal does not know
# (yet): that would only fail, again and again.
my $known = join '', map { "$_ " } `'@{[build()]}/packseal' --help` =~ /^  ([a-z]+) /mg;
cmp_ok(length $known, '>', 50, 'packseal tells its commands');
my $target = slurp('cli/packseal@.target');
my @stray;
for my $unit (@units) {
    (my $name = $unit) =~ s{.*/}{};
    next if $name eq 'packseal@.target';
    (my $instance = $name) =~ s/\@\./\@%i./;
    (my $starter  = $instance) =~ s/\.service$//;
    my $wanted = index($target, $instance) >= 0 || $target =~ /\Q$starter\E\.(?:timer|socket)/;
    (my $service = $unit) =~ s/\.\w+$/.service/;
    my ($command) = -f src() . "/$service" && slurp($service) =~ m{^ExecStart=/usr/bin/packseal (\w+)}m;
    my $works = !defined $command || $known =~ /\b$command /;
    push @stray, $unit . ($works ? '' : ": packseal $command does not exist") if !$wanted != !$works;
}
none('the target starts each unit that can run, by itself or by its timer or socket', @stray);

SKIP: {
    skip 'systemd-analyze (package systemd) is not here: no unit was judged', 2 if !have_tool('systemd-analyze');

    # Copies that name programs which are there: verify looks for them.
    my $dir = tempdir(CLEANUP => 1);
    my @copies;
    for my $unit (@units) {
        (my $name = $unit) =~ s{.*/}{};
        my $text = slurp($unit);
        $text =~ s{/usr/(?:bin|libexec/packseal)/(packseal[\w-]*)}{build() . "/$1"}ge;
        $text =~ s/^Documentation=.*\n//mg;    # manual pages are looked for among the installed ones
        open my $out, '>', "$dir/$name" or die "$dir/$name: $!";
        print {$out} $text;
        close $out or die;
        push @copies, "$dir/$name";
    }
    my @said = `systemd-analyze verify --man=no @copies 2>&1`;
    is($?, 0, 'systemd-analyze verify') or diag(@said);
    @said = grep { m{packseal} } @said;
    none('... which has no remark on them', map { s/\s+\z//r } @said);

    my @open;
    for my $unit (@services) {
        my $said = `systemd-analyze security --offline=yes --no-pager '@{[src()]}/$unit' 2>&1`;
        my ($level) = $said =~ /Overall exposure level for \S+: ([\d.]+)/;
        push @open, "$unit: " . ($level // $said) if !defined $level || $level > $most;
        note "$unit: " . ($level // '?');
    }
    none("systemd-analyze security is $most or lower for each", @open);
}

done_testing();
