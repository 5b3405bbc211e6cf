#!/usr/bin/perl
# Calls that product code does without: each has a safer form that costs nothing.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Lint;
use Test::More;

my %instead = (
    system    => 'posix_spawn with a fixed path',
    popen     => 'posix_spawn and a pipe',
    strcpy    => 'snprintf or memcpy with a known size',
    stpcpy    => 'snprintf or memcpy with a known size',
    strcat    => 'snprintf',
    strncpy   => 'snprintf',
    strncat   => 'snprintf',
    sprintf   => 'snprintf',
    vsprintf  => 'vsnprintf',
    gets      => 'getline',
    strtok    => 'strsep',
    alloca    => 'malloc',
    atoi      => 'strtol and a look at its end',
    atol      => 'strtol and a look at its end',
    atoll     => 'strtoll and a look at its end',
    atof      => 'strtod and a look at its end',
    mktemp    => 'mkostemp',
    tmpnam    => 'mkostemp',
    tempnam   => 'mkostemp',
    gmtime    => 'gmtime_r',
    localtime => 'localtime_r',
    ctime     => 'strftime',
    asctime   => 'strftime',
);
my $any = join '|', sort keys %instead;

my @written;
for my $file (product_sources()) {
    my $line = 0;
    for (split /\n/, code_of($file)) {
        $line++;
        # A member of that name is no call.
        push @written, "$file:$line: $1: use $instead{$1}" while /(?<![\w.])(?<!->)($any)\s*\(/g;
    }
}
none('no banned call is written', @written);

# The compiler turns some calls into others (sprintf of "%s" into strcpy), hence only what it cannot invent.
my %invented = map { $_ => 1 } qw(strcpy stpcpy strcat strncpy);
my @linked;
for (sources_with_objects()) {
    my ($file, $object) = @$_;
    push @linked, map { "$file calls $_: use $instead{$_}" }
      grep { exists $instead{$_} && !$invented{$_} } undefined($object);
}
none('no banned call is linked, by a macro for instance', @linked);

# Libraries say what and where to their caller; only programs print or end.
my @loud;
for (sources_with_objects()) {
    my ($file, $object) = @$_;
    next if $file !~ m{^(?:evidence|archive)/};
    push @loud, map { "$file uses $_" }
      grep { /^(?:printf|vprintf|puts|putchar|perror|stdout|stderr|exit|_exit|abort|syslog|err|errx|warn|warnx)$/ }
      undefined($object);
}
none('libraries print nothing and end no process', sanitized() ? grep { !/abort/ } @loud : @loud);

done_testing();
