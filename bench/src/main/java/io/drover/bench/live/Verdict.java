package io.drover.bench.live;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.function.Predicate;
import java.util.stream.LongStream;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.ObjectMapper;

/** What a record of streams shows. Pure: records in, figures out. */
final class Verdict {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final double NS_PER_MS = 1e6;

    private final List<StreamRecord> streams;
    private final List<Load.Case> cases;

    Verdict(final List<StreamRecord> streams, final List<Load.Case> cases) {
        this.streams = List.copyOf(streams);
        this.cases = cases;
    }

    static Verdict read(final Path record, final List<Load.Case> cases) throws IOException {
        try (Stream<String> lines = Files.lines(record)) {
            return new Verdict(lines.map(Verdict::parse).toList(), cases);
        }
    }

    private static StreamRecord parse(final String line) {
        try {
            return JSON.readValue(line, StreamRecord.class);
        } catch (final IOException e) {
            throw new IllegalArgumentException("no stream's record: " + line, e);
        }
    }

    /** Of some of the streams. */
    Verdict only(final Predicate<StreamRecord> which) {
        return new Verdict(streams.stream().filter(which).toList(), cases);
    }

    int streams() {
        return streams.size();
    }

    /** Streams that did not end properly. */
    List<StreamRecord> failed() {
        return streams.stream().filter(stream -> !stream.proper()).toList();
    }

    /** Streams that were cut without a word. */
    List<StreamRecord> silent() {
        return streams.stream().filter(StreamRecord::silent).toList();
    }

    /** Streams of a gateway that were sent after a time and were given tokens. */
    List<StreamRecord> admitted(final String url, final long afterNs) {
        return streams.stream()
                .filter(stream -> stream.url().equals(url) && stream.startNs() > afterNs && !stream.tokens().isEmpty())
                .toList();
    }

    /** Streams whose tokens differ from the oracle's: other ids, too few or too many. */
    List<StreamRecord> wrong() {
        return streams.stream()
                .filter(stream -> stream.proper() && !Arrays.equals(stream.ids(), cases.get(stream.example()).expected()))
                .toList();
    }

    /** Failed streams whose tokens so far were not a beginning of the oracle's. */
    List<StreamRecord> wrongBeginnings() {
        return failed().stream().filter(stream -> {
            final int[] expected = cases.get(stream.example()).expected();
            final int[] ids = stream.ids();
            return ids.length > expected.length || !Arrays.equals(ids, Arrays.copyOf(expected, ids.length));
        }).toList();
    }

    long tokens(final long fromNs, final long toNs) {
        return streams.stream()
                .flatMap(stream -> stream.tokens().stream())
                .filter(token -> token.ns() >= fromNs && token.ns() < toNs)
                .count();
    }

    double tokensPerSecond(final long fromNs, final long toNs) {
        return tokens(fromNs, toNs) * 1e9 / (toNs - fromNs);
    }

    /** Between each two tokens of a stream, in ms, where the second came between the two times; sorted. */
    double[] gapsMs(final long fromNs, final long toNs) {
        return streams.stream().flatMapToLong(stream -> LongStream.range(1, stream.tokens().size()).filter(i -> {
            final long at = stream.tokens().get((int) i).ns();
            return at >= fromNs && at < toNs;
        }).map(i -> stream.tokens().get((int) i).ns() - stream.tokens().get((int) i - 1).ns()))
                .mapToDouble(ns -> ns / NS_PER_MS)
                .sorted()
                .toArray();
    }

    /** Of each stream the longest time between two tokens, in ms, of those that have a part in the interval, ascending. */
    double[] longestOfEachMs(final long fromNs, final long toNs) {
        return streams.stream()
                .mapToLong(stream -> LongStream.range(1, stream.tokens().size())
                        .filter(i -> stream.tokens().get((int) i - 1).ns() < toNs && stream.tokens().get((int) i).ns() >= fromNs)
                        .map(i -> stream.tokens().get((int) i).ns() - stream.tokens().get((int) i - 1).ns())
                        .max()
                        .orElse(0))
                .mapToDouble(ns -> ns / NS_PER_MS)
                .sorted()
                .toArray();
    }

    /** The longest of all streams; 0 if there are none. */
    double longestMs(final long fromNs, final long toNs) {
        return Arrays.stream(longestOfEachMs(fromNs, toNs)).max().orElse(0);
    }

    /** When the last token of all came; Long.MIN_VALUE if none did. */
    long lastTokenNs() {
        return streams.stream()
                .flatMap(stream -> stream.tokens().stream())
                .mapToLong(StreamRecord.Token::ns)
                .max()
                .orElse(Long.MIN_VALUE);
    }

    /** When the first token that the gateway at {@code url} delivered after a time came; Long.MAX_VALUE if none did. */
    long firstTokenNs(final String url, final long afterNs) {
        return streams.stream()
                .filter(stream -> stream.url().equals(url))
                .flatMap(stream -> stream.tokens().stream())
                .mapToLong(StreamRecord.Token::ns)
                .filter(ns -> ns >= afterNs)
                .min()
                .orElse(Long.MAX_VALUE);
    }

    /** @param sorted ascending */
    static double percentile(final double[] sorted, final double percent) {
        return sorted.length == 0
                ? 0
                : sorted[(int) Math.min(sorted.length - 1L, Math.round(percent / 100 * (sorted.length - 1)))];
    }

    static double median(final double... values) {
        final double[] sorted = values.clone();
        Arrays.sort(sorted);
        final int middle = sorted.length / 2;
        return sorted.length == 0 ? 0 : sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
