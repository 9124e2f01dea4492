"""Where uploaded files are while a request needs them."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from tempfile import SpooledTemporaryFile
from typing import Any

from django.conf import settings
from django.core.exceptions import BadRequest
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler

logger = logging.getLogger(__name__)


class TemporaryFolderFull(BadRequest):
    """An uploaded file couldn't be stored. The request is rejected wherever its form is read first, such as for its CSRF token."""


class UnnamedFileUploadHandler(FileUploadHandler):
    """In memory, or in a temporary file without a name, because a file to import can have passwords.

    Of such a file nothing is left if the process is killed, unlike of the one of Django's own handler.
    """

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        content = SpooledTemporaryFile(settings.FILE_UPLOAD_MAX_MEMORY_SIZE)  # noqa: SIM115  # the request closes it
        details = (self.file_name, self.content_type, 0, self.charset, self.content_type_extra)
        self.upload: UploadedFile[Any] = UploadedFile(content, *details)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        with self._storing():
            self.upload.write(raw_data)

    def file_complete(self, file_size: int) -> "UploadedFile[Any]":
        with self._storing():
            self.upload.seek(0)  # writes what is still in a buffer
        self.upload.size = file_size
        return self.upload

    @contextmanager
    def _storing(self) -> Iterator[None]:
        """threaded_wsgi.py has stored the whole request already, so this is the second copy of the file."""
        try:
            yield
        except OSError as exc:
            with suppress(OSError):  # it still has something to write
                self.upload.close()
            logger.error("An uploaded file couldn't be stored in the temporary folder: %s", exc.strerror)
            raise TemporaryFolderFull from None
