package io.drover.server;

import java.util.List;

/**
 * Looks for stop strings in a text that arrives in pieces, and lets out only what can no longer be part of one.
 *
 * <p>The match is the one that <em>ends</em> first; of several with the same end the longest. That makes the cut a property of
 * the whole text, however it was split into pieces.
 */
final class StopStrings {
    private final List<String> stops;
    private final StringBuilder held = new StringBuilder();
    private boolean found;

    StopStrings(final List<String> stops) {
        this.stops = List.copyOf(stops);
    }

    /**
     * Takes a piece and returns the text that is now certain.
     *
     * @param armed whether a match that ends within this piece counts
     */
    String push(final String piece, final boolean armed) {
        final int from = held.length();
        held.append(piece);
        if (armed) {
            for (int end = from + 1; end <= held.length(); end++) {
                final int length = longestMatchAt(end);
                if (length > 0) {
                    found = true;
                    return release(end - length);
                }
            }
        }
        return release(held.length() - longestPrefixAtEnd());
    }

    /** What was held back, when no more text comes. */
    String flush() {
        return release(held.length());
    }

    /** Whether a stop string was found; the text after its start is gone. */
    boolean found() {
        return found;
    }

    private String release(final int chars) {
        final String text = held.substring(0, chars);
        if (found) {
            held.setLength(0);
        } else {
            held.delete(0, chars);
        }
        return text;
    }

    private int longestMatchAt(final int end) {
        int longest = 0;
        for (final String stop : stops) {
            if (stop.length() > longest && endsWith(end, stop, stop.length())) {
                longest = stop.length();
            }
        }
        return longest;
    }

    private int longestPrefixAtEnd() {
        int longest = 0;
        for (final String stop : stops) {
            for (int length = Math.min(stop.length() - 1, held.length()); length > longest; length--) {
                if (endsWith(held.length(), stop, length)) {
                    longest = length;
                }
            }
        }
        return longest;
    }

    /** Whether the text up to {@code end} ends with the first {@code length} characters of {@code stop}. */
    private boolean endsWith(final int end, final String stop, final int length) {
        if (length > end) {
            return false;
        }
        for (int i = 0; i < length; i++) {
            if (held.charAt(end - length + i) != stop.charAt(i)) {
                return false;
            }
        }
        return true;
    }
}
