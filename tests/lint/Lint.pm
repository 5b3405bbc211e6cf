package Lint;

# What the lint tests share: the files of the tree, C without comments and strings, the symbols of objects.

use strict;
use warnings;
use Exporter 'import';
use File::Find;
use Test::More;

our @EXPORT = qw(src build sanitized product modules_of module stem files product_sources slurp code_of
                 undefined exported sources_with_objects none have_tool);

my $src   = $ENV{PACKSEAL_SRC}   // '.';
my $build = $ENV{PACKSEAL_BUILD} // "$src/build/release";

# The folders whose code is shipped, and whom each may include.
my %knows = (
    evidence => [qw(evidence)],
    archive  => [qw(evidence archive)],
    recorder => [qw(evidence archive recorder)],
    signer   => [qw(evidence signer)],
    viewer   => [qw(evidence archive viewer)],
    player   => [qw(evidence archive player)],
    report   => [qw(evidence archive report)],
    cli      => [qw(evidence archive cli)],
);

sub src        { return $src }
sub build      { return $build }
sub sanitized  { return ($ENV{PACKSEAL_SAN} // '') ne '' }
sub product    { return sort keys %knows }
sub modules_of { return @{ $knows{ $_[0] } } }

# "recorder/camera_v4l2.c" -> "recorder", "camera_v4l2"
sub module { return $_[0] =~ m{^([^/]+)/} ? $1 : '' }
sub stem   { return $_[0] =~ m{([^/]+?)(?:\.[^./]*)?$} ? $1 : '' }

# Paths, relative to the tree, of all files that match; what is built or belongs to git is left out.
sub files {
    my ($pattern) = @_;
    my @found;
    find(
        {
            no_chdir => 1,
            wanted   => sub {
                my $path = substr $_, length($src) + 1 <= length($_) ? length($src) + 1 : length($_);
                if ($path =~ m{^(?:\.git|build)$} || $path =~ m{(?:^|/)node_modules$}) {
                    $File::Find::prune = 1;
                    return;
                }
                push @found, $path if -f && !-l && $path =~ $pattern;
            },
        },
        $src
    );
    return sort @found;
}

sub product_sources {
    my $any = join '|', product();
    return files(qr{^(?:$any)/.*\.[ch]$});
}

sub slurp {
    my ($path) = @_;
    open my $f, '<', "$src/$path" or return '';
    local $/;
    return scalar <$f> // '';
}

# The text of a C file with comments and the contents of strings blanked; line numbers stay as they are.
sub code_of {
    my $text = slurp($_[0]);
    $text =~ s{(/\*.*?\*/|//[^\n]*)|("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')}
              {defined $1 ? $1 =~ s/[^\n]/ /gr : substr($2, 0, 1) x 2}gse;
    return $text;
}

# The sources that have an object in this build: pairs of source and object.
sub sources_with_objects {
    return grep { -f $_->[1] }
      map { [ $_, "$build/" . s/\.c$/.o/r ] } grep { /\.c$/ } product_sources();
}

# Symbols by object. One nm looks at all objects at once: one each would be hundreds of processes.
my %symbols;

sub nm {
    my ($options, $object) = @_;
    if (!$symbols{$options}) {
        my @objects = map { $_->[1] } sources_with_objects();
        my %of      = map { $_ => [] } @objects;
        while (@objects) {
            open my $out, '-|', 'nm', split(' ', $options), '-A', splice @objects, 0, 500 or die "nm: $!";
            while (<$out>) {
                push @{ $of{$1} }, (split)[-1] if /^(.*?\.o):/;
            }
        }
        $symbols{$options} = \%of;
    }
    return @{ $symbols{$options}{$object} // die "$object: not an object of this build" };
}

# What an object takes from elsewhere. A fortified call counts as the call it stands for.
sub undefined { return map { s/^__(\w+)_chk$/$1/r } nm('-u', $_[0]) }

# What an object offers, without what a sanitizer adds.
sub exported { return grep { !/^__odr_asan/ && !/^_?_?(?:asan|tsan|ubsan|sancov)/ } nm('-g --defined-only', $_[0]) }

# One test: passes when there are no findings, else shows each.
sub none {
    my ($name, @findings) = @_;
    ok(!@findings, $name);
    diag("  $_") for @findings;
    return;
}

sub have_tool { return qx(command -v $_[0] 2>/dev/null) ne '' }

1;
