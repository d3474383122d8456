"""A real SFTP server on loopback: ``python sftp_server.py FOLDER USER PASSWORD`` prints its port."""

from __future__ import annotations

import asyncio
import sys

import asyncssh


async def main(folder: str, user: str, password: str) -> None:
    class Login(asyncssh.SSHServer):
        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, given: str) -> bool:
            return (username, given) == (user, password)

    server = await asyncssh.listen(
        "127.0.0.1", 0, server_factory=Login,
        server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
        sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=folder.encode()),
    )  # fmt: skip
    print(server.get_port(), flush=True)
    await server.wait_closed()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
