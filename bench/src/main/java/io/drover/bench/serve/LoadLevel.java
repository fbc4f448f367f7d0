package io.drover.bench.serve;

import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

import org.HdrHistogram.Histogram;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

/** What one level of concurrency has shown. Thread-safe. */
final class LoadLevel {
    private static final long LONGEST_NS = TimeUnit.HOURS.toNanos(1);
    private static final int DIGITS = 3;
    private static final double NS_PER_MS = 1e6;
    private static final double NS_PER_S = 1e9;

    private final int concurrency;
    private final Histogram firstToken = new Histogram(LONGEST_NS, DIGITS);
    private final Histogram gaps = new Histogram(LONGEST_NS, DIGITS);
    private final Map<String, Integer> faults = new TreeMap<>();
    private int proper;
    private long tokens;
    private long tookNs;

    LoadLevel(final int concurrency) {
        this.concurrency = concurrency;
    }

    synchronized void add(final StreamJudge judge) {
        final String fault = judge.fault();
        if (!fault.isEmpty()) {
            failed(fault);
            return;
        }
        proper++;
        tokens += judge.tokens();
        firstToken.recordValue(Math.min(LONGEST_NS, judge.firstTokenNs()));
        judge.gapsNs().forEach(gap -> gaps.recordValue(Math.min(LONGEST_NS, gap)));
    }

    /** A request without a stream, or with one that did not end properly. */
    synchronized void failed(final String why) {
        faults.merge(why, 1, Integer::sum);
    }

    synchronized void took(final long ns) {
        tookNs = ns;
    }

    synchronized int failures() {
        return faults.values().stream().mapToInt(Integer::intValue).sum();
    }

    static String header() {
        return "%11s %9s %7s %12s %12s %11s %11s %10s".formatted("concurrency", "proper", "failed", "TTFT p50 ms", "TTFT p99 ms",
                "ITL p50 ms", "ITL p99 ms", "tokens/s");
    }

    synchronized String row() {
        final StringBuilder row = new StringBuilder(
                "%11d %9d %7d %12.2f %12.2f %11.2f %11.2f %10.1f".formatted(concurrency, proper,
                        failures(), ms(firstToken, 50), ms(firstToken, 99), ms(gaps, 50), ms(gaps, 99), tokensPerSecond()));
        faults.forEach((fault, count) -> row.append("\n%11s %d x %s".formatted("", count, fault)));
        return row.toString();
    }

    synchronized ObjectNode json() {
        final ObjectNode json = JsonNodeFactory.instance.objectNode()
                .put("concurrency", concurrency)
                .put("proper", proper)
                .put("failed", failures())
                .put("tokens", tokens)
                .put("seconds", tookNs / NS_PER_S)
                .put("tokens_per_second", tokensPerSecond())
                .put("ttft_p50_ms", ms(firstToken, 50))
                .put("ttft_p99_ms", ms(firstToken, 99))
                .put("itl_p50_ms", ms(gaps, 50))
                .put("itl_p99_ms", ms(gaps, 99));
        final ObjectNode why = json.putObject("faults");
        faults.forEach(why::put);
        return json;
    }

    private double tokensPerSecond() {
        return tookNs == 0 ? 0 : tokens * NS_PER_S / tookNs;
    }

    private static double ms(final Histogram histogram, final double percentile) {
        return histogram.getTotalCount() == 0 ? 0 : histogram.getValueAtPercentile(percentile) / NS_PER_MS;
    }
}
