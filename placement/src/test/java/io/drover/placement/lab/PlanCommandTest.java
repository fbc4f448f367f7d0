package io.drover.placement.lab;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;

final class PlanCommandTest {
    @TempDir
    private Path directory;
    private String out = "";
    private String err = "";

    private int plan(final String... args) {
        final ByteArrayOutputStream outBytes = new ByteArrayOutputStream();
        final ByteArrayOutputStream errBytes = new ByteArrayOutputStream();
        final int status = PlanCommand.run(args, new PrintStream(outBytes, true, UTF_8), new PrintStream(errBytes, true, UTF_8));
        out = outBytes.toString(UTF_8);
        err = errBytes.toString(UTF_8);
        return status;
    }

    private String trace() throws IOException {
        SyntheticTrace.write(SyntheticTrace.of(3, 3, 8, 2, 8, 60), directory);
        return directory.toString();
    }

    private static JsonNode json(final Path file) throws IOException {
        return JsonMapper.builder().build().readTree(Files.readString(file));
    }

    /**
     * Four experts, two devices, contiguous: E0 and E1 on device 0. Two tokens: (0, 1), all local to device 0, and (2, 0), which is combined on
     * device 1 and needs one dispatch and one return, or a hand-over and a return if the token comes from device 0.
     */
    @Test
    void countsVectorsAsDefined() throws IOException {
        final Path file = directory.resolve("tiny.jsonl");
        Files.writeString(file, """
                {"drover_trace":1,"model":"tiny","layers":1,"experts":4,"top_k":2}
                {"seq":0,"experts":[[[0,1]],[[2,0]]]}
                """);
        final Path report = directory.resolve("figures.json");
        assertThat(
                plan("--trace", file.toString(), "--devices", "2", "--slots", "+0%", "--split", "none", "--policy", "contiguous",
                        "--hidden", "4", "--wire", "float32", "--header", "0", "--kv", "8", "--json", report.toString()))
                .as(err)
                .isZero();
        final JsonNode home = json(report).get("figures").get(0);
        final JsonNode walk = json(report).get("figures").get(1);
        // The home is one of the two devices. Home 0: nothing, then one dispatch and one return for E2. Home 1: a dispatch and two returns for
        // (0, 1), then a dispatch and a return for E0.
        final double homeVectors = home.get("vectors").doubleValue();
        assertThat(homeVectors).isIn(1.0, 2.5);
        final boolean atZero = homeVectors == 1.0;
        assertThat(home.get("copies").doubleValue()).isEqualTo(atZero ? 1.0 : 2.0);
        assertThat(home.get("bytes_1_holder").doubleValue()).isEqualTo(homeVectors * 16);
        assertThat(home.get("bytes_2_holders_unicast").doubleValue()).isEqualTo(homeVectors * 16 + 8);
        // Walk from 0: nothing, then a hand-over to 1 and a return from 0 without a dispatch, for the token is there already.
        // Walk from 1: a hand-over to 0, then a dispatch to 0 and a return.
        assertThat(walk.get("vectors").doubleValue()).isEqualTo(atZero ? 1.0 : 1.5);
        assertThat(walk.get("imbalance").doubleValue()).isEqualTo(1.5);
        assertThat(walk.get("balancedness").doubleValue()).isEqualTo(2.0 / 3, within(1e-12));
    }

    @Test
    void writesEveryFigureOfEveryPolicyAndMode() throws IOException {
        final Path report = directory.resolve("figures.json");
        assertThat(plan("--trace", trace(), "--devices", "2", "--slots", "+25%", "--effort", "3", "--json",
                report.toString())).as(err).isZero();
        final JsonNode figures = json(report).get("figures");
        final List<String> seen = new ArrayList<>();
        for (final JsonNode row : figures) {
            seen.add(row.get("policy").asText() + " " + row.get("mode").asText());
            if (row.get("refusal").isNull()) {
                assertThat(row.fieldNames()).toIterable()
                        .contains("devices", "slots", "vectors", "copies", "bytes_1_holder",
                                "bytes_2_holders_unicast", "bytes_2_holders_multicast", "bytes_all_holders_unicast",
                                "bytes_all_holders_multicast", "imbalance", "balancedness", "attention_imbalance", "moves",
                                "plan_seconds",
                                "bound_vectors", "bound_bytes", "fitted_vectors");
                assertThat(row.get("vectors").doubleValue()).isGreaterThanOrEqualTo(row.get("copies").doubleValue());
                assertThat(row.get("vectors").doubleValue()).isGreaterThanOrEqualTo(row.get("bound_vectors").doubleValue());
                assertThat(row.get("imbalance").doubleValue()).isGreaterThanOrEqualTo(1);
            }
        }
        for (final var planner : Policies.named(List.of("all"), 3, false)) {
            assertThat(seen).contains(planner.name() + " home", planner.name() + " walk");
            assertThat(out).contains(planner.name());
        }
    }

    @Test
    void printsTheSameFiguresForTheSameSeed() throws IOException {
        final String[] args = {"--trace", trace(), "--devices", "3", "--mode", "walk", "--policy", "contiguous,eplb,flexmoe",
            "--seed", "5"};
        assertThat(plan(args)).as(err).isZero();
        final String first = withoutTimes(out);
        assertThat(plan(args)).isZero();
        assertThat(withoutTimes(out)).isEqualTo(first);
    }

    private static String withoutTimes(final String table) {
        return table.replaceAll("[0-9.]+(?=\\R)", "");
    }

    @Test
    void writesAPageThatNeedsNothingElse() throws IOException {
        final Path page = directory.resolve("report.html");
        assertThat(plan("--trace", trace(), "--devices", "2", "--mode", "walk", "--effort", "3", "--html", page.toString()))
                .as(err)
                .isZero();
        final String html = Files.readString(page);
        assertThat(html).startsWith("<!DOCTYPE html>").doesNotContain("@DATA@");
        assertThat(html.replace("http://www.w3.org/2000/svg", ""))
                .doesNotContainPattern("(?i)https?://|\\bsrc=|<link|@import|url\\(");
        final Matcher data = Pattern.compile("<script type=\"application/json\" id=\"data\">(.*)</script>").matcher(html);
        assertThat(data.find()).isTrue();
        final JsonNode root = JsonMapper.builder().build().readTree(data.group(1));
        assertThat(root.get("placements").get(0).get("table")).hasSize(3);
        assertThat(root.get("affinity").get("together").get(0)).hasSize(64);
        assertThat(root.get("figures")).isNotEmpty();
    }

    @Test
    void streamsDomainsAndCountsMoves() throws IOException {
        final Path report = directory.resolve("online.json");
        assertThat(plan("--trace", trace(), "--devices", "2", "--mode", "walk", "--online", "--policy", "eplb,flexmoe",
                "--phases",
                "law,stem", "--phase-tokens", "4000", "--window", "500", "--expert-bytes", "1000", "--json", report.toString()))
                .as(err)
                .isZero();
        final JsonNode run = json(report).get("online").get(0);
        assertThat(run.get("phases")).hasSize(16);
        assertThat(run.get("policies")).hasSize(4);
        for (final JsonNode policy : run.get("policies")) {
            double bytes = 0;
            for (final JsonNode window : policy.get("windows")) {
                bytes += window.get("traffic_bytes").doubleValue() + window.get("move_bytes").doubleValue();
            }
            assertThat(policy.get("total_bytes").doubleValue()).isCloseTo(bytes, within(1e-6 * bytes));
            assertThat(policy.get("move_bytes").doubleValue()).isEqualTo(1000.0 * policy.get("moves").intValue());
            assertThat(policy.get("returns").intValue()).isZero();
        }
        assertThat(run.get("policies").get(0).get("moves").intValue()).as("a static placement's moves").isZero();
    }

    @Test
    void simulatesAClusterOfAnySize() throws IOException {
        final Path report = directory.resolve("simulated.json");
        final Path page = directory.resolve("simulated.html");
        assertThat(plan("--simulate", "layers=4,experts=32,top-k=4,devices=16,devices-per-node=4,hours=2,window-s=600,tokens=200",
                "--policy", "eplb", "--mode", "walk", "--json", report.toString(), "--html", page.toString())).as(err).isZero();
        assertThat(page).content().contains("\"policy\":\"eplb/5\"").doesNotContain("@DATA@");
        assertThat(out).contains("times as fast as the clock");
        assertThat(json(report).get("online").get(0).get("phases")).hasSize(12);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"--devices 0 | 2 | --devices is 0; expected at least 1",
        "--devices 4 --slots 20 | 2 | gives 20 slots for 24 experts",
        "--devices 2 --slots +200% --min-replicas 3 | 2 | --min-replicas is 3, but there are 2 nodes",
        "--slots +x% | 2 | '+x%'", "--mode fly | 2 | 'fly'; expected home or walk",
        "--policy best | 2 | 'best'; expected all or some of",
        "--split domain --fit-domains sports | 2 | 'sports'; the trace has", "--wire int8 | 2 | 'int8'", "--slots | 2 | --slots",
        "--surprise | 2 | --surprise", "--online --window 100000 --phase-tokens 10 | 2 | a window within a phase",
        "--online --sampled 0 | 2 | --sampled is 0; expected at least 1",
        "--online --decay 2 | 2 | --decay is 2.0; expected 0 to 1"})
    void refusesWhatItCannotDo(final String args, final int status, final String message) throws IOException {
        final List<String> all = new ArrayList<>(List.of("--trace", trace()));
        all.addAll(List.of(args.strip().split(" ")));
        assertThat(plan(all.toArray(new String[0]))).isEqualTo(status);
        assertThat(err.strip()).contains(message.strip()).doesNotContain("\n");
    }

    @Test
    void refusesTracesThatAreNone() {
        assertThat(plan("--trace", directory.resolve("nowhere").toString())).isEqualTo(PlanCommand.FAILED);
        assertThat(err).contains("nowhere is neither a directory nor a file");
        assertThat(plan()).isEqualTo(PlanCommand.USAGE);
        assertThat(err).contains("one of --trace and --simulate");
    }

    @Test
    void explainsItself() {
        assertThat(plan("--help")).isZero();
        assertThat(out).contains("--trace", "--simulate", "--online", "--html");
    }
}
