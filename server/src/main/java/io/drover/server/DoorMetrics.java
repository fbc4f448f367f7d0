package io.drover.server;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.DoubleSupplier;
import java.util.function.ObjDoubleConsumer;

import org.apache.pekko.util.ByteString;

import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.CounterWithCallback;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.registry.Collector;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricMetadata;
import io.prometheus.metrics.model.snapshots.MetricSnapshot;

/**
 * What the door measures, under Drover's names and, where the meaning is the same, under the names that vLLM's dashboards and
 * gateways read. Each value is recorded once; an alias is a view of it.
 */
final class DoorMetrics {
    static final String CONTENT_TYPE = PrometheusTextFormatWriter.CONTENT_TYPE;

    private static final double[] FIRST_TOKEN_S = {0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5,
        7.5, 10, 20,
        40, 80, 160, 640, 2560};
    private static final double[] TOKEN_S = {0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
        20, 40,
        80};
    private static final double[] REQUEST_S = {0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960,
        1920,
        7680};
    private static final double[] TOKENS = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000,
        100_000};
    private static final double[] CHOICES = {1, 2, 5, 10, 20};

    private static final String NODE = "node";

    private final PrometheusRegistry registry = new PrometheusRegistry();
    private final Labels labels;
    private final AtomicInteger waiting = new AtomicInteger();
    private final AtomicInteger running = new AtomicInteger();

    final Histogram firstToken;
    final Histogram interToken;
    final Histogram request;
    final Histogram promptTokensOfRequest;
    final Histogram completionTokensOfRequest;
    final Histogram maxTokensOfRequest;
    final Histogram choicesOfRequest;
    final Counter promptTokens;
    final Counter completionTokens;
    final Counter finished;
    final Counter lost;
    final Counter cancelled;
    final Counter answers;

    DoorMetrics(final String modelName) {
        labels = Labels.of("model_name", modelName, "engine", "0");
        firstToken = histogram("time_to_first_token_seconds", "From the request's head to its first token", FIRST_TOKEN_S,
                "vllm:time_to_first_token_seconds");
        interToken = histogram("inter_token_latency_seconds", "Between two tokens of a sequence", TOKEN_S,
                "vllm:inter_token_latency_seconds", "vllm:time_per_output_token_seconds");
        request = histogram("e2e_request_latency_seconds", "From the request's head to a sequence's end", REQUEST_S,
                "vllm:e2e_request_latency_seconds");
        promptTokensOfRequest = histogram("request_prompt_tokens", "Prompt tokens of a request", TOKENS,
                "vllm:request_prompt_tokens");
        completionTokensOfRequest = histogram("request_generation_tokens", "Tokens of a finished sequence", TOKENS,
                "vllm:request_generation_tokens");
        maxTokensOfRequest = histogram("request_params_max_tokens", "max_tokens of a sequence", TOKENS,
                "vllm:request_params_max_tokens");
        choicesOfRequest = histogram("request_params_n", "Sequences of a request", CHOICES, "vllm:request_params_n");
        promptTokens = counter("prompt_tokens", "Prompt tokens of admitted requests", "vllm:prompt_tokens");
        completionTokens = counter("generation_tokens", "Generated tokens", "vllm:generation_tokens");
        finished = counter("request_success", "Sequences that ended properly", "vllm:request_success", "finished_reason");
        lost = counter("stream_lost", "Sequences that ended with an explicit error, by its code", "", "code");
        cancelled = counter("stream_cancelled", "Requests whose client went or did not read, before their end", "");
        answers = counter("http_responses", "Answers of the HTTP server", "", "route", "status");
        gauge("num_requests_waiting", "Sequences before their first token", "vllm:num_requests_waiting", waiting::get);
        gauge("num_requests_running", "Sequences after their first token", "vllm:num_requests_running", running::get);
    }

    /** A gauge under Drover's name and, unless empty, an alias. */
    void gauge(final String name, final String help, final String alias, final DoubleSupplier value) {
        register(GaugeWithCallback.builder()
                .name("drover_" + name)
                .help(help)
                .constLabels(labels)
                .callback(callback -> callback.call(value.getAsDouble()))
                .build(), alias);
    }

    /** A counter that is kept elsewhere, under Drover's name and an alias. */
    void counter(final String name, final String help, final String alias, final DoubleSupplier value) {
        register(CounterWithCallback.builder()
                .name("drover_" + name)
                .help(help)
                .constLabels(labels)
                .callback(callback -> callback.call(value.getAsDouble()))
                .build(), alias);
    }

    /** A gauge with one series per node. */
    void gaugePerNode(final String name, final String help, final Consumer<ObjDoubleConsumer<String>> values) {
        gaugePer(NODE, name, help, values);
    }

    /** A gauge with one series per value of a label. */
    void gaugePer(final String label, final String name, final String help, final Consumer<ObjDoubleConsumer<String>> values) {
        register(GaugeWithCallback.builder()
                .name("drover_" + name)
                .help(help)
                .constLabels(labels)
                .labelNames(label)
                .callback(callback -> values.accept((labelled, value) -> callback.call(value, labelled)))
                .build());
    }

    /** A counter that is kept elsewhere, with one series per node. */
    void counterPerNode(final String name, final String help, final Consumer<ObjDoubleConsumer<String>> values) {
        register(CounterWithCallback.builder()
                .name("drover_" + name)
                .help(help)
                .constLabels(labels)
                .labelNames(NODE)
                .callback(callback -> values.accept((node, value) -> callback.call(value, node)))
                .build());
    }

    void sequenceWaits() {
        waiting.incrementAndGet();
    }

    void sequenceRuns() {
        waiting.decrementAndGet();
        running.incrementAndGet();
    }

    void sequenceOver(final boolean ran) {
        (ran ? running : waiting).decrementAndGet();
    }

    /** All metrics as Prometheus text, format 0.0.4. */
    ByteString text() {
        final ByteArrayOutputStream out = new ByteArrayOutputStream();
        try {
            PrometheusTextFormatWriter.create().write(out, registry.scrape());
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
        return ByteString.fromArray(out.toByteArray());
    }

    private Histogram histogram(final String name, final String help, final double[] bounds, final String... aliases) {
        final Histogram histogram = Histogram.builder()
                .name("drover_" + name)
                .help(help)
                .constLabels(labels)
                .classicOnly()
                .classicUpperBounds(bounds)
                .build();
        register(histogram, aliases);
        return histogram;
    }

    private Counter counter(final String name, final String help, final String alias, final String... labelNames) {
        final Counter counter = Counter.builder()
                .name("drover_" + name)
                .help(help)
                .constLabels(labels)
                .labelNames(labelNames)
                .build();
        register(counter, alias);
        return counter;
    }

    private void register(final Collector collector, final String... aliases) {
        registry.register(collector);
        for (final String alias : aliases) {
            if (!alias.isEmpty()) {
                registry.register(() -> renamed(collector.collect(), alias));
            }
        }
    }

    private static MetricSnapshot renamed(final MetricSnapshot snapshot, final String name) {
        final MetricMetadata metadata = new MetricMetadata(name, snapshot.getMetadata().getHelp());
        return switch (snapshot) {
            case HistogramSnapshot histogram -> new HistogramSnapshot(metadata, histogram.getDataPoints());
            case CounterSnapshot counter -> new CounterSnapshot(metadata, counter.getDataPoints());
            case GaugeSnapshot gauge -> new GaugeSnapshot(metadata, gauge.getDataPoints());
            default -> throw new IllegalStateException("no alias for " + snapshot.getClass().getSimpleName());
        };
    }
}
