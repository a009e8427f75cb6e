"""The socket that the status service listens on."""

import socket

from runtime.status_service import server


def test_the_end_of_an_answer_waits_for_no_acknowledgement_of_its_beginning() -> None:
    with server.listen(0) as listening:
        address = ("127.0.0.1", listening.getsockname()[1])
        with socket.create_connection(address), listening.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
