# Varnish in front of Copydesk, with purging by name. tests/contract/proxies.test.mjs runs this very file.
#
#   varnishd -f /etc/varnish/copydesk.vcl -a http=:6081,PROXY -a purge=127.0.0.1:6082 -s malloc,1g -p http_resp_hdr_len=20k
#
# `Link` repeats the whole address of a list, twice; hence the last setting.
# Varnish speaks no TLS; let the program in front of it speak the PROXY protocol, so that clients keep their addresses.
vcl 4.1;

backend copydesk {
  .host = "127.0.0.1";
  .port = "8080";
  .connect_timeout = 2s;
}

sub vcl_recv {
  # Purges come in by their own door, the one that is named `purge` on the command line.
  if (req.method == "PURGE") {
    if (local.socket != "purge") {
      return (synth(405, "Not here"));
    }
    if (req.http.Surrogate-Key !~ "^[a-z0-9-]+( [a-z0-9-]+)*$") {
      return (synth(400, "Surrogate-Key: names with a space between"));
    }
    ban("obj.http.Surrogate-Key ~ (^|\s)(" + regsuball(req.http.Surrogate-Key, " ", "|") + ")($|\s)");
    return (synth(200, "Purged"));
  }

  # Set, not added to: what a client says of itself is not passed on.
  set req.http.X-Forwarded-For = client.ip;
  unset req.http.X-Forwarded-Proto;
  unset req.http.X-Forwarded-Host;
  unset req.http.Forwarded;
  # Copydesk reads no cookie; with one, Varnish would pass by the cache.
  unset req.http.Cookie;
  if (req.http.Request-Id !~ "^[A-Za-z0-9._-]{1,128}$") {
    set req.http.Request-Id = req.xid;
  }
  # From here Varnish's own rules: Authorization passes by the cache, GET and HEAD are looked up, all else is passed on.
}

sub vcl_hash {
  # Copydesk answers the same under any host name.
  hash_data(req.url);
  return (lookup);
}

sub vcl_backend_response {
  # Kept beyond its time, so that Copydesk is asked with If-None-Match.
  set beresp.keep = 1h;
}

sub vcl_backend_error {
  # What Varnish says by itself reads like Copydesk's own problems.
  set beresp.http.Content-Type = "application/problem+json";
  set beresp.http.Cache-Control = "private, no-store";
  set beresp.http.Retry-After = "5";
  set beresp.body = """{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"The server behind this address does not answer. Try again.","code":"unavailable"}""";
  return (deliver);
}

sub vcl_deliver {
  # A kept answer goes out under the id of who asks now, not of who asked first.
  set resp.http.Request-Id = req.http.Request-Id;
  if (obj.hits > 0) {
    set resp.http.X-Cache = "HIT";
  } else {
    set resp.http.X-Cache = "MISS";
  }
}
