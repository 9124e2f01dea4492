"""Where uploaded files are while a request needs them."""

from tempfile import SpooledTemporaryFile
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler


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
        self.upload.write(raw_data)

    def file_complete(self, file_size: int) -> "UploadedFile[Any]":
        self.upload.seek(0)
        self.upload.size = file_size
        return self.upload
