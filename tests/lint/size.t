#!/usr/bin/perl
# A file over 600 lines or a function over 60 is told; over 800 or 100 it must say why in a comment
# "/* long: reason */", in the first 60 lines of the file, or in or just before the function.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Lint;
use Test::More;

my $long = qr{/\*\s*long:\s*\S};

my (@told, @too_long);
sub weigh {
    my ($what, $lines, $want, $most, $reason) = @_;
    return if $lines <= $want || $reason;
    push @{ $lines > $most ? \@too_long : \@told }, "$what: $lines lines, at most $want unless it says why";
    return;
}

my @sources = grep { /\.c$/ } product_sources();
my %lines;
for my $file (@sources) {
    $lines{$file} = [ split /\n/, slurp($file) ];
    my @head = grep { defined } @{ $lines{$file} }[ 0 .. 59 ];
    weigh($file, scalar @{ $lines{$file} }, 600, 800, join("\n", @head) =~ $long);
}
none('files over 800 lines give a reason', splice @too_long);

SKIP: {
    if (!have_tool('ctags')) {
        diag('NOT CHECKED: length of functions: ctags is missing: run: make deps-check');
        skip 'ctags is missing', 1;
    }
    skip 'no files', 1 if !@sources;
    chdir src() or die;
    for (qx(ctags -x --languages=C --kinds-C=f --fields=+ne --_xformat='%N\t%F\t%n\t%e' @{[ map { "'$_'" } @sources ]})) {
        chomp;
        my ($name, $file, $start, $end) = split /\t/;
        next if !$end;
        my $from = $start > 5 ? $start - 5 : 1;
        my $text = join "\n", @{ $lines{$file} }[ $from - 1 .. $end - 1 ];
        my ($want, $most) = $name eq 'main' ? (120, 120) : (60, 100);
        weigh("$file:$start: $name()", $end - $start + 1, $want, $most, $text =~ $long);
    }
    none('functions over 100 lines give a reason', @too_long);
}
diag("  long, though not yet too long: $_") for @told;

done_testing();
