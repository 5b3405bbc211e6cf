#!/usr/bin/perl
# A file foo.c exports only ps_foo_*; up to ps_ that is a rule, the rest `prove -v` tells.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Lint;
use Test::More;

my (@strange, @elsewhere);
for (sources_with_objects()) {
    my ($file, $object) = @$_;
    for my $symbol (exported($object)) {
        next if $symbol eq 'main' && stem($file) =~ /^(?:verify_)?main$/;
        # Two implementations of one header share its name.
        my $stem = stem($file) =~ s/^sha256_(?:openssl|sodium)$/sha256/r;
        if ($symbol !~ /^ps_/) {
            push @strange, "$file exports $symbol";
        } elsif ($symbol !~ /^ps_\Q$stem\E(?:_|$)/) {
            push @elsewhere, "$file exports $symbol";
        }
    }
}
none('everything exported starts with ps_', @strange);
note("  a reader would not look there: $_") for @elsewhere;

done_testing();
