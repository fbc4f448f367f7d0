package io.drover.model.text;

import java.util.Arrays;

/**
 * Decodes a sequence token by token. What all calls return, put together, is exactly the decoding of the whole sequence without its
 * special tokens; no call returns part of a character.
 *
 * <p>
 * Tokens are no characters: an emoji may be spread over four of them, and a token's text may depend on the one before it (a leading
 * space is dropped at the start of a text only). So a short window of the last tokens is decoded each time, and what it has
 * gained is returned:
 * <ul>
 * <li>A replacement character U+FFFD at the very end may be an unfinished character. It alone is held back: earlier ones are
 * settled, because no unfinished character is shown as two.</li>
 * <li>Where single bytes are tokens of their own (byte fallback), a run of them is decoded as one and is all replacement characters if
 * any of it is invalid. Such a run is held back until it ends.</li>
 * <li>The window then starts anew with the tokens just returned, which give the next ones their context. In endless garbage it is
 * cut where both sides decode alone to what they decode to together.</li>
 * </ul>
 * The work per token is therefore bounded, apart from a run of byte tokens, which is decoded once. One thread.
 */
public final class TokenTextStream {
    private static final char REPLACEMENT = '\ufffd';

    /** Window length from which a place to cut is looked for. */
    private static final int LONG_WINDOW = 24;

    /** A cut leaves at least this many tokens, hence bytes: more than those an unfinished character can wait for. */
    private static final int SHORTEST_REST = 4;

    private final Tokenizer tokenizer;
    private int[] window = new int[2 * LONG_WINDOW];
    private int size;

    /** Tokens at the start of the window that were complete when they were returned. */
    private int settledTokens;

    /** Characters of the window's text that have been returned. */
    private int returnedChars;

    TokenTextStream(final Tokenizer tokenizer) {
        this.tokenizer = tokenizer;
    }

    /** The text that this token settles; often that of the token, sometimes empty, sometimes that of earlier ones too. */
    public String push(final int id) {
        if (id < 0) {
            throw new IllegalArgumentException("token id " + id + "; expected 0 or more");
        }
        if (tokenizer.isSilent(id)) {
            return "";
        }
        if (size == window.length) {
            window = Arrays.copyOf(window, 2 * size);
        }
        window[size++] = id;
        if (tokenizer.isByte(id)) {
            return "";
        }
        final String text = decode(0, size);
        final boolean unfinished = !text.isEmpty() && text.charAt(text.length() - 1) == REPLACEMENT;
        final int end = unfinished ? text.length() - 1 : text.length();
        if (end <= returnedChars) {
            return "";
        }
        final String settled = text.substring(returnedChars, end);
        returnedChars = end;
        if (!unfinished) {
            drop(settledTokens, decode(settledTokens, size).length());
            settledTokens = size;
        } else if (size > LONG_WINDOW) {
            cut(text);
        }
        return settled;
    }

    /** The rest, once no more tokens come; unfinished characters are replacement characters then. Ready for another sequence. */
    public String flush() {
        final String text = decode(0, size);
        final String rest = text.substring(Math.min(returnedChars, text.length()));
        size = 0;
        settledTokens = 0;
        returnedChars = 0;
        return rest;
    }

    int windowTokens() {
        return size;
    }

    private void cut(final String text) {
        for (int at = size - SHORTEST_REST; at > 0; at--) {
            final String left = decode(0, at);
            final String right = decode(at, size);
            if (left.length() <= returnedChars && text.equals(left + right)) {
                drop(at, returnedChars - left.length());
                settledTokens = 0;
                return;
            }
        }
    }

    private void drop(final int tokens, final int returnedCharsOfRest) {
        System.arraycopy(window, tokens, window, 0, size - tokens);
        size -= tokens;
        returnedChars = returnedCharsOfRest;
    }

    private String decode(final int from, final int to) {
        return tokenizer.decode(window, from, to, true);
    }
}
