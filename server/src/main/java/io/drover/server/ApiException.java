package io.drover.server;

import java.time.Duration;

import org.jspecify.annotations.Nullable;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * A refusal in the API's own form: an HTTP status and the fields of its JSON error. Thrown where a request is read, so that
 * the first fault ends the reading.
 */
final class ApiException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int status;
    private final String type;
    private final @Nullable String param;
    private final String code;
    private final @Nullable Duration retryAfter;

    private ApiException(final int status, final String type, final @Nullable String param, final String code,
            final String message,
            final @Nullable Duration retryAfter) {
        super(message, null, false, false);
        this.status = status;
        this.type = type;
        this.param = param;
        this.code = code;
        this.retryAfter = retryAfter;
    }

    /** 400: the value of {@code param} is not acceptable. */
    static ApiException invalid(final @Nullable String param, final String message) {
        return new ApiException(400, "invalid_request_error", param, "invalid_value", message, null);
    }

    /** 400: {@code param} asks for something that would change the output and that is not supported. */
    static ApiException unsupported(final String param, final String message) {
        return new ApiException(400, "invalid_request_error", param, "unsupported_parameter", message, null);
    }

    /** 400: prompt and completion do not fit the context. */
    static ApiException tooLong(final String param, final String message) {
        return new ApiException(400, "invalid_request_error", param, "context_length_exceeded", message, null);
    }

    /** Any other fault of the client. */
    static ApiException client(final int status, final String code, final String message) {
        return new ApiException(status, "invalid_request_error", null, code, message, null);
    }

    /** 404: the model is not served here. */
    static ApiException modelNotFound(final String asked, final String served) {
        return new ApiException(404, "invalid_request_error", "model", "model_not_found",
                "The model '" + asked + "' does not exist; this server has '" + served + "'.", null);
    }

    /** 401 for a missing or wrong key, 403 where no key could help. */
    static ApiException denied(final int status, final String code, final String message) {
        return new ApiException(status, "authentication_error", null, code, message, null);
    }

    /** 429: every queue is full. */
    static ApiException queueFull(final String detail, final Duration retryAfter) {
        return new ApiException(429, "rate_limit_error", null, "queue_full", detail, retryAfter);
    }

    /** 503: not ready, or about to stop. */
    static ApiException unavailable(final String code, final String detail, final Duration retryAfter) {
        return new ApiException(503, "server_error", null, code, detail, retryAfter);
    }

    /** 408: a deadline of the server passed. */
    static ApiException deadline(final String message) {
        return new ApiException(408, "timeout_error", null, "deadline_exceeded", message, null);
    }

    /** 500 or 501: the fault or the limit is the server's. */
    static ApiException server(final int status, final String code, final String message) {
        return new ApiException(status, "server_error", null, code, message, null);
    }

    int status() {
        return status;
    }

    String code() {
        return code;
    }

    @Nullable
    Duration retryAfter() {
        return retryAfter;
    }

    /** {@code {"error":{"message","type","param","code"}}}; {@code code} is a string, as the client libraries type it. */
    ObjectNode body() {
        final ObjectNode root = JsonNodeFactory.instance.objectNode();
        root.putObject("error").put("message", getMessage()).put("type", type).put("param", param).put("code", code);
        return root;
    }
}
