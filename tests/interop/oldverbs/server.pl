#!/usr/bin/perl
# server.pl PORT FOLDER: an ESMTP server that also knows SEND, SOML, SAML, EXPN, VRFY and HELP.
# A message is kept as FOLDER/NUMBER.eml, its envelope as FOLDER/NUMBER.env: sender, recipients, verb, a line each.
use strict;
use warnings;

# The library refuses the three verbs with 502: here they are MAIL under other names, and the name is remembered.
package OldVerbs;
use parent 'Net::Server::Mail::ESMTP';

my @VERBS = qw(SEND SOML SAML EXPN HELP);

sub mail { my ($self, $args) = @_; return $self->old_mail('MAIL', $args) }
sub send { my ($self, $args) = @_; return $self->old_mail('SEND', $args) }
sub soml { my ($self, $args) = @_; return $self->old_mail('SOML', $args) }
sub saml { my ($self, $args) = @_; return $self->old_mail('SAML', $args) }

sub turn { my ($self) = @_; $self->reply(502, 'Command not implemented'); return }    # the library's own answers twice

sub old_mail {
    my ($self, $verb, $args) = @_;
    $self->{old_verb} = $verb;
    return $self->SUPER::mail($args);
}

package main;
use IO::Socket::INET;

my %USERS  = (alice => 'Alice <alice@example.test>', bob => 'Bob <bob@example.test>');
my %LISTS  = (list => [ @USERS{qw(alice bob)} ]);

my ($port, $folder) = @ARGV;
my $listener = IO::Socket::INET->new(Listen => 64, LocalAddr => '127.0.0.1', LocalPort => $port, ReuseAddr => 1)
    or die "port $port: $!";
$SIG{CHLD} = 'IGNORE';    # no zombies
my $number = 0;
while (1) {
    my $socket = $listener->accept or next;
    $number++;
    next if fork;         # $socket closes in the parent when it goes out of scope
    close $listener;
    serve($socket, $number);
    exit 0;
}

sub serve {
    my ($socket, $connection) = @_;
    my $kept   = 0;
    my $server = OldVerbs->new(socket => $socket);
    $server->register("Net::Server::Mail::ESMTP::$_") for qw(8BITMIME PIPELINING);
    $server->set_callback(EHLO => sub { my (undef, undef, $offered) = @_; (1, 250, [ 'mail.example.test', @$offered, @VERBS ]) });
    $server->set_callback(VRFY => sub { my $user = $USERS{ name_in($_[1]) }; $user ? (1, 250, $user) : (0, 550, 'no such user') });
    $server->set_callback(EXPN => sub { my $list = $LISTS{ name_in($_[1]) }; $list ? (1, 250, $list) : (0, 550, 'no such list') });
    $server->set_callback(HELP => sub { (1, 214, [ 'See RFC 821', "@VERBS VRFY" ]) });
    $server->set_callback(RCPT => sub { $_[1] =~ /^reject\@/ ? (0, 554, 'no such person') : (1) });
    $server->set_callback(DATA => sub { my ($self, $data) = @_; keep($self, $$data, "$connection-" . ++$kept); (1, 250, 'kept') });
    $server->process;
    return;
}

# "<alice@example.test>", "alice" -> "alice"
sub name_in { my ($text) = @_; return ($text // '') =~ /^<?([^@>]+)/ ? $1 : '' }

sub keep {
    my ($self, $data, $name) = @_;
    write_file("$name.env", join("\n", $self->get_sender // '', $self->get_recipients, $self->{old_verb}) . "\n");
    write_file("$name.part", $data);
    rename "$folder/$name.part", "$folder/$name.eml" or die "$name: $!";    # at once: no reader sees half of it
    return;
}

sub write_file {
    my ($name, $text) = @_;
    open my $file, '>:raw', "$folder/$name" or die "$name: $!";
    print {$file} $text;
    close $file or die "$name: $!";
    return;
}
