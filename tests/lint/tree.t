#!/usr/bin/perl
# Nothing of one machine, no loose ends, no stray characters.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Lint;
use Test::More;

# Written in pieces, so that this file may be searched as well.
my $place = join '|', map { "/$_/" } qw(work farm);
my $later = join '|', 'TO' . 'DO', 'FIX' . 'ME', 'X' . 'XX(?!X)';

my (@places, @loose, @blanks, @ends);
for my $file (files(qr{.})) {
    next if -B src() . "/$file" || $file =~ m{(?:^|/)(?:corpus|golden)/|\.patch$};
    my $text = slurp($file);
    my $line = 0;
    for (split /\n/, $text) {
        $line++;
        push @places, "$file:$line: $_" if m{(?<![\w.])(?:$place)};
        push @loose,  "$file:$line: $_" if m{\b(?<!X)(?:$later)\b};
        push @blanks, "$file:$line"     if m{[ \t\r]$} && $file !~ m{\.md$|^LICENSE$};
    }
    push @ends, $file if $text ne '' && $text !~ /\n\z/;
}
none('no path of one machine',      @places);
none('no work left for later',      @loose);
none('no blanks at ends of lines',  @blanks);
none('files end with a line break', @ends);

done_testing();
