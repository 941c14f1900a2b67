"""s3: server access logs of Amazon S3."""

from pixelstat.formats.base import Sample
from pixelstat.formats.text import TextFormat

FORMAT = TextFormat(
    "s3",
    '$owner $bucket [$time_local] $remote_addr $requester $request_id $operation $key "$request" $status $error $bytes_sent'
    ' $size $total $turnaround "$http_referer" "$http_user_agent" $version $host_id $signature $cipher $auth $host $more',
    "Amazon S3 server access logs",
    (
        Sample(
            "79a59df900b949e5 shop-bucket [06/Feb/2019:00:00:38 +0000] 203.0.113.7 79a59df900b949e5 3E57427F3EXAMPLE REST.GET.OBJECT"
            ' pixel.gif "GET /pixel.gif?e=pv HTTP/1.1" 200 - 113 - 7 - "-" "S3Console/0.4" - s9lzHYrFp76Z SigV4 ECDHE AuthHeader'
            " shop.example TLSV1.2 - Yes us-east-1",
            {"time": "2019-02-06T00:00:38", "client": "203.0.113.7", "method": "GET", "path": "/pixel.gif", "query": "e=pv",
             "status": 200, "bytes": 113, "referrer": None, "user_agent": "S3Console/0.4", "vhost": "shop.example",
             "request_id": "3E57427F3EXAMPLE"},
        ),
        Sample(
            "b659b576cff1e15e www.shop.example [07/Sep/2026:16:42:07 -0500] 203.0.113.7 - EB3502676500C6BE WEBSITE.GET.OBJECT index"
            ' "GET /p.gif HTTP/1.1" 200 - 368 368 10 9 "https://shop.example/" "Mozilla/5.0 (X11)"',
            {"time": "2026-09-07T21:42:07", "client": "203.0.113.7", "path": "/p.gif", "status": 200, "bytes": 368,
             "referrer": "https://shop.example/", "user_agent": "Mozilla/5.0 (X11)", "vhost": None},
        ),
    ),
    tail=r"^(?: .*)?$",
    field_patterns={"owner": r'[^ \[\]"]+', "bucket": r'[^ \[\]"]+'},  # nothing else stands in front of the time
    fields={"owner": "owner", "bucket": "bucket"},
)  # fmt: skip
