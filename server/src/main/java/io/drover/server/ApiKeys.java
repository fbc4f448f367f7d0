package io.drover.server;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.regex.Pattern;

import org.apache.pekko.http.javadsl.model.HttpHeader;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.jspecify.annotations.Nullable;

/** Who may use what: one key for the API, another for the operator. */
final class ApiKeys {
    private static final String SCHEME = "bearer ";
    private static final Pattern LOOPBACK = Pattern.compile("(?i)(localhost|127(\\.\\d{1,3}){3}|\\[::1])(:\\d+)?");

    private final byte @Nullable [] apiKey;
    private final byte @Nullable [] adminKey;
    private final boolean loopback;

    ApiKeys(final ServerSettings settings) {
        this.apiKey = bytes(settings.apiKey());
        this.adminKey = bytes(settings.adminKey());
        this.loopback = settings.loopback();
    }

    /** @throws ApiException 401 if the API has a key and the request does not bring it */
    void checkApi(final HttpRequest request) {
        if (apiKey != null) {
            check(request, apiKey, "API");
        }
    }

    /**
     * @throws ApiException 401 as above; 403 if there is no admin key and the server listens beyond loopback, or a page of another origin
     *                      asks
     */
    void checkAdmin(final HttpRequest request) {
        if (adminKey != null) {
            check(request, adminKey, "admin");
        } else if (!loopback) {
            throw ApiException.denied(403, "admin_key_not_set",
                    "The server listens beyond loopback and has no admin key; set one to use the admin routes.");
        } else if (isForeign(request)) {
            throw ApiException.denied(403, "foreign_origin",
                    "The server has no admin key, so its admin routes are not for web pages of other origins or under other names than"
                            + " localhost; set one to use them from there.");
        }
    }

    /** Whether a browser may have sent it for a page of somebody else, who may have given this address a name of his own. */
    private static boolean isForeign(final HttpRequest request) {
        final String host = request.getHeader("Host").map(HttpHeader::value).orElse("");
        final String origin = request.getHeader("Origin").map(HttpHeader::value).orElse("");
        return !host.isEmpty() && !LOOPBACK.matcher(host).matches()
                || !origin.isEmpty() && !origin.equalsIgnoreCase("http://" + host);
    }

    private static void check(final HttpRequest request, final byte[] expected, final String which) {
        final String value = request.getHeader("Authorization").map(HttpHeader::value).orElse("");
        if (value.isEmpty()) {
            throw ApiException.denied(401, "missing_api_key",
                    "The request has no key; send the " + which + " key as 'Authorization: Bearer KEY'.");
        }
        final boolean bearer = value.regionMatches(true, 0, SCHEME, 0, SCHEME.length());
        final byte[] given = value.substring(bearer ? SCHEME.length() : 0).strip().getBytes(StandardCharsets.UTF_8);
        // Not String.equals, whose time tells how far a guess was right.
        if (!bearer || !MessageDigest.isEqual(expected, given)) {
            throw ApiException.denied(401, "invalid_api_key", "The request's key is not the server's " + which + " key.");
        }
    }

    private static byte @Nullable [] bytes(final @Nullable String key) {
        return key == null ? null : key.getBytes(StandardCharsets.UTF_8);
    }
}
