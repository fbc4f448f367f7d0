package io.drover.bench.live;

import java.util.List;

/**
 * One request as its client saw it.
 *
 * @param request number of the request in its run
 * @param example index of the case in {@code expected.json}
 * @param url     of the gateway
 * @param startNs when it was sent
 * @param tokens  index, id and time of every token, in the order of arrival
 * @param finish  the {@code finish_reason}; empty if none came
 * @param done    whether {@code [DONE]} came
 * @param fault   what else went wrong: status, error event, broken connection; empty if nothing
 */
record StreamRecord(long request, int example, String url, long startNs, List<Token> tokens, String finish, boolean done,
        String fault) {
    StreamRecord {
        tokens = List.copyOf(tokens);
    }

    /** @param index from 0 */
    record Token(int index, int id, long ns) {}

    /** Whether it ended as the API promises. */
    boolean proper() {
        return fault.isEmpty() && done && !finish.isEmpty();
    }

    int[] ids() {
        return tokens.stream().mapToInt(Token::id).toArray();
    }
}
