"""The queue on disk: the format of its files, and the protocol that loses none of them and sends none twice.

A message is a file in one directory, and its name says where it stands:

- ``NAME.queued``: it waits.
- ``NAME.sending``: a process is at it, and holds a lock on the open file; without the lock, that process is dead.
- ``NAME.sent``: the server took it (with KeepQueue; otherwise the file is gone).
- ``NAME.failed``: it was not sent, or nobody knows; the last lines of the file say why.

The protocol, in the order that makes it hold through a loss of power:

1. A new file is written under a hidden name, synced, renamed to ``.queued``, and the directory is synced.
2. Who takes it locks the open file, makes sure that the name still leads to it, renames it to ``.sending``, and syncs
   the directory: what is called ``.queued`` with an outcome in it got that name from a person.
3. Before the end of the message goes to the server, a commit marker is appended and synced.
4. After the server's answer the file is removed or renamed, and the directory is synced.
5. A ``.sending`` file without a lock is settled by what it holds, never by its age: without a marker it goes back to
   ``.queued``; with one nobody knows whether the message was taken, so it becomes ``.failed`` and waits for a person.

A sync that fails is never tried again on the same descriptor: the system may have dropped what it could not write.
"""
