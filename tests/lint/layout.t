#!/usr/bin/perl
# What tools can judge: the layout of C, shell scripts, manual pages.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Lint;
use Test::More;

chdir src() or die;

# Runs a tool over files; its output, if it is not content, is the finding.
sub tool {
    my ($name, $tool, $options, @files) = @_;
  SKIP: {
        if (!have_tool($tool)) {
            diag("NOT CHECKED: $name: $tool is missing: run: make deps-check");
            skip "$tool is missing", 1;
        }
        skip "no files", 1 if !@files;
        my $output = qx($tool $options @{[ map { "'$_'" } @files ]} 2>&1);
        my @lines  = split /\n/, $output;
        none($name, $? == 0 ? () : splice @lines, 0, 40);
    }
    return;
}

sub first_line {
    my ($first) = slurp($_[0]) =~ /\A([^\n]*)/;
    return $first;
}

my @c = files(qr{\.[ch]$});
tool('C is laid out by clang-format', 'clang-format', '--dry-run -Werror', @c);

my @shell = grep { first_line($_) =~ m{^#!.*\b(?:sh|bash|dash)\b} } files(qr{(?:\.sh|\.t|/[^./]+)$});
push @shell, grep { m{\.bash$} } files(qr{\.bash$});
tool('shell scripts', 'shellcheck', '-S warning -x', @shell);
tool('bats files',    'shellcheck', '-S error -s bats', files(qr{\.bats$}));

tool('manual pages', 'mandoc', '-Tlint -W warning', files(qr{^docs/man/[^/]+\.[158]$}));

my @perl = grep { first_line($_) =~ m{^#!.*\bperl\b} } files(qr{(?:\.pl|\.t)$});
my @broken;
for my $file (@perl) {
    my $output = qx(perl -I tests/lint -wc '$file' 2>&1);
    push @broken, $output if $? != 0;
}
none('Perl compiles', @broken);

done_testing();
