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
        self.file = UploadedFile(content, self.file_name, self.content_type, 0, self.charset, self.content_type_extra)  # type: ignore[arg-type]

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.file.write(raw_data)  # type: ignore[union-attr]

    def file_complete(self, file_size: int) -> UploadedFile | None:
        self.file.seek(0)  # type: ignore[union-attr]
        self.file.size = file_size  # type: ignore[union-attr]
        return self.file
