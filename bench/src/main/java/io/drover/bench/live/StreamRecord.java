package io.drover.bench.live;

import java.util.List;

/**
 * One request as its client saw it.
 *
 * @param request number of the request in its run
 * @param example index of the case in {@code expected.json}
 * @param url     of the gateway
 * @param id      of the completion, as its events name it; empty if none came
 * @param startNs when it was sent
 * @param tokens  index, id and time of every token, in the order of arrival
 * @param finish  the {@code finish_reason}; empty if none came
 * @param done    whether {@code [DONE]} came
 * @param fault   what else went wrong: status, error event, broken connection; empty if nothing
 */
record StreamRecord(long request, int example, String url, String id, long startNs, List<Token> tokens, String finish,
        boolean done, String fault) {
    /** How a fault begins that came after the head of the answer: an error event of the server, or the end of the connection. */
    static final String ERROR_EVENT = "error event: ";
    static final String BROKEN = "broken: ";

    StreamRecord {
        tokens = List.copyOf(tokens);
    }

    /** @param index from 0 */
    record Token(int index, int id, long ns) {}

    /** Whether it ended as the API promises. */
    boolean proper() {
        return fault.isEmpty() && done && !finish.isEmpty();
    }

    /** Whether it began and ended with neither a {@code finish_reason} and {@code [DONE]} nor an error event. */
    boolean silent() {
        return fault.isEmpty() && !proper() || fault.startsWith(BROKEN);
    }

    int[] ids() {
        return tokens.stream().mapToInt(Token::id).toArray();
    }
}
