package io.drover.server;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** A token is a byte; one more ends a sequence. */
final class ByteTokenizer implements TextCodec {
    static final int EOS = 256;
    static final int VOCABULARY = 257;

    static List<Integer> ids(final String text) {
        final byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        return IntStream.range(0, bytes.length).map(i -> bytes[i] & 0xff).boxed().toList();
    }

    /** Told each text before it is encoded. */
    volatile Consumer<String> reader = text -> {};

    @Override
    public int longestToken() {
        return 1;
    }

    @Override
    public int[] encode(final String text, final boolean special) {
        reader.accept(text);
        return ids(text).stream().mapToInt(Integer::intValue).toArray();
    }

    @Override
    public String decode(final int[] ids, final boolean skipSpecial) {
        final ByteArrayOutputStream out = new ByteArrayOutputStream();
        Arrays.stream(ids).filter(id -> id != EOS).forEach(out::write);
        return out.toString(StandardCharsets.UTF_8);
    }

    @Override
    public Growing grow() {
        return new Stream();
    }

    @Override
    public String render(final List<CompletionCall.Message> messages, final boolean opened) {
        return messages.stream().map(message -> message.role() + ":" + message.content() + "\n").collect(Collectors.joining());
    }

    private static final class Stream implements Growing {
        private final CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder().onMalformedInput(CodingErrorAction.REPLACE);
        private final ByteBuffer bytes = ByteBuffer.allocate(8);

        @Override
        public String push(final int id) {
            if (id == EOS) {
                return "";
            }
            bytes.put((byte) id);
            return decode(false);
        }

        @Override
        public String flush() {
            return decode(true);
        }

        private String decode(final boolean end) {
            final CharBuffer chars = CharBuffer.allocate(8);
            bytes.flip();
            decoder.decode(bytes, chars, end);
            bytes.compact();
            return chars.flip().toString();
        }
    }
}
