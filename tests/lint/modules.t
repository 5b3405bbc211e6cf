#!/usr/bin/perl
# Who may know whom, and which door leads to each dangerous thing: by includes, symbols and libraries.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Lint;
use Test::More;

# ---- includes

my (@strangers, @back_doors);

# A header that only the named files may include.
my @doors = (
    [ qr{^sqlite3\.h$},                       qr{^archive/} ],
    [ qr{^(?:linux/videodev2|libv4l[12]|libv4l-plugin|libv4lconvert)\.h$}, qr{^recorder/camera_v4l2(?:_formats)?\.} ],
    [ qr{^libudev\.h$},                       qr{^recorder/devices\.} ],
    [ qr{^lib(?:av\w+|sw\w+|postproc)/},      qr{^(?:recorder/(?:camera_lavf|decode|encoder)|report/film)\.} ],
    [ qr{^zbar(?:/\w+)?\.h$},                  qr{^recorder/label\.c$} ],
    [ qr{^(?:libevdev/|linux/hidraw\.h|linux/input\.h)}, qr{^recorder/scanner_} ],
    [ qr{^termios\.h$},                       qr{^(?:recorder/scanner_|cli/)} ],   # a line; a password prompt
    [ qr{^openssl/(?:cms|ess|pkcs7|ts)\.h$},    qr{^evidence/timestamp} ],
    [ qr{^seccomp\.h$},                       qr{^signer/} ],
    [ qr{^alsa/},                             qr{^player/card\.c$} ],
    [ qr{^curl/},                             qr{^(?:cli/|viewer/hooks\.c$)} ],
    [ qr{^microhttpd\.h$},                    qr{^viewer/(?:server|answer)\.c$} ],
);

for my $file (product_sources()) {
    my $text = slurp($file);
    my %may  = map { $_ => 1 } modules_of(module($file));
    while ($text =~ /^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]/mg) {
        my ($kind, $what) = ($1, $2);
        my $owner = module($what);
        my $ours  = grep { $_ eq $owner } product(), 'tests';
        push @strangers, "$file includes \"$what\"" if $kind eq '"' && !$may{$owner};
        push @strangers, "$file includes <$what>"   if $kind eq '<' && $ours && !$may{$owner};
        for (@doors) {
            my ($header, $allowed) = @$_;
            push @back_doors, "$file includes $what" if $what =~ $header && $file !~ $allowed;
        }
    }
}
none('each module includes only those it may know', @strangers);
none('headers of devices, databases and codecs stay behind their doors', @back_doors);

# ---- symbols

# Making signatures or keys; verifying is for everyone.
my $signing = qr{^crypto_sign(?:$|_detached$|_keypair$|_seed_keypair$|_final_create$|_open$|
                 _ed25519(?:$|_detached$|_keypair$|_seed_keypair$|_sk_to_\w+$)|
                 _ed25519ph_final_create$)}x;
my @symbols = (
    [ 'secret keys and signing: signer/key.c',       $signing,                               qr{^signer/key\.c$} ],
    [ 'signing keys of OpenSSL: nowhere',            qr{^(?:EVP_DigestSign|EVP_PKEY_sign|EVP_PKEY_keygen)}, qr{^$} ],
    [ 'SQLite: archive/',                            qr{^sqlite3_},                          qr{^archive/} ],
    [ 'V4L2: recorder/camera_v4l2.c',                qr{^v4l[12]_},                          qr{^recorder/camera_v4l2\.c$} ],
    [ 'libudev: recorder/devices.c',                 qr{^udev_},                              qr{^recorder/devices\.c$} ],
    [ 'libav: where sources are opened, decoded, encoded',
        qr{^(?:av|avio|avcodec|avformat|avdevice|avutil|avfilter|sws|swr)_},
        qr{^(?:recorder/(?:camera_lavf|decode|encoder)|report/film)\.c$} ],
    [ 'pictures and pages: report/',                 qr{^(?:cairo|pango|ZBarcode)_},          qr{^report/} ],
    [ 'input devices: recorder/scanner_*.c',         qr{^libevdev_},                          qr{^recorder/scanner_\w+\.c$} ],
    [ 'libzbar: recorder/label.c',                   qr{^zbar_},                             qr{^recorder/label\.c$} ],
    [ 'ALSA: player/card.c',                          qr{^snd_},                              qr{^player/card\.c$} ],
    [ 'HTTP: viewer/server.c and answer.c',          qr{^MHD_},                              qr{^viewer/(?:server|answer)\.c$} ],
    [ 'seccomp: signer/',                            qr{^seccomp_},                          qr{^signer/} ],
);

my %taken = map { $_->[0] => [ undefined($_->[1]) ] } sources_with_objects();
for (@symbols) {
    my ($name, $symbol, $allowed) = @$_;
    my @found;
    for my $file (sort keys %taken) {
        next if $file =~ $allowed;
        push @found, map { "$file calls $_" } grep { $_ =~ $symbol } @{ $taken{$file} };
    }
    none($name, @found);
}

# ---- libraries

sub libraries {
    my ($program) = @_;
    return map { /\(NEEDED\).*\[(.+)\]/ ? $1 : () } qx(readelf -dW '$program');
}

# What a sanitizer brings with it is not held against a program.
my $runtime = sanitized() ? qr{^(?:libasan|libubsan|libtsan|libgcc_s|libstdc\+\+|libm|libpthread|librt|libdl|libresolv)\.} : qr{^$};

SKIP: {
    my $signer = build() . '/packseal-signer';
    skip 'packseal-signer is not built yet', 1 if !-x $signer;
    none('packseal-signer links libsodium, jansson, libseccomp, libc and nothing else',
        grep { !/^(?:libsodium|libjansson|libseccomp|libc|ld-linux[\w-]*)\.so/ && $_ !~ $runtime } libraries($signer));
}
SKIP: {
    my $cli = build() . '/packseal';
    skip 'packseal is not built yet', 1 if !-x $cli;
    none('packseal links no cameras, codecs, pages or input devices',
        grep { /^lib(?:av|sw|v4l|turbojpeg|evdev|udev|cairo|pango|zint|zbar)/ } libraries($cli));
}

SKIP: {
    my $player = build() . '/packseal-player';
    skip 'packseal-player is not built yet', 1 if !-x $player;
    none('packseal-player links libasound, jansson, libc and nothing else',
        grep { !/^(?:libasound|libjansson|libc|ld-linux[\w-]*)\.so/ && $_ !~ $runtime } libraries($player));
}

SKIP: {
    my $viewer = build() . '/packseal-viewer';
    skip 'packseal-viewer is not built yet', 1 if !-x $viewer;
    none('packseal-viewer links no cameras, codecs, pages or input devices: children decode films',
        grep { /^lib(?:av|sw|v4l|evdev|udev|cairo|pango|zint|zbar)/ } libraries($viewer));
}

SKIP: {
    my $verify = build() . '/packseal-verify';
    skip 'packseal-verify is not built yet', 1 if !-x $verify;
    none('packseal-verify links libsodium, jansson, libcrypto, libc and nothing else',
        grep { !/^(?:libsodium|libjansson|libcrypto|libc|ld-linux[\w-]*)\.so/ && $_ !~ $runtime } libraries($verify));
}

for my $name (qw(packseal packseal-player packseal-recorder packseal-report packseal-signer packseal-verify packseal-viewer)) {
    my $program = build() . "/$name";
    next if !-x $program;
    my $elf = qx(readelf -hlWd '$program');
    my @weak;
    push @weak, 'not position-independent' if $elf !~ /Type:\s+DYN/;
    push @weak, 'no RELRO'                 if $elf !~ /GNU_RELRO/;
    push @weak, 'not bound at start'       if $elf !~ /FLAGS.*NOW/;
    push @weak, 'executable stack'         if $elf =~ /GNU_STACK.*RWE/;
    none("$name is hardened", @weak);
}

done_testing();
