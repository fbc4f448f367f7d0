package io.drover.placement.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;

import org.assertj.core.data.Offset;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class TraceReaderTest {
    private static final String HEADER = "{\"drover_trace\":1,\"model\":\"demo\",\"layers\":2,\"experts\":4,\"top_k\":2}\n";

    @TempDir
    private Path directory;
    private Trace trace;

    @BeforeEach
    void writeTrace() throws IOException {
        trace = SyntheticTrace.of(7, 3, 8, 2, 4, 10);
        SyntheticTrace.write(trace, directory);
    }

    @Test
    void readsArrays() throws IOException {
        final Trace read = TraceReader.read(directory);
        assertThat(read.ids()).containsExactly(trace.ids());
        assertThat(read.sequences()).isEqualTo(trace.sequences());
        assertThat(read.tokens()).isEqualTo(40);
        assertThat(read.domains()).isEqualTo(Set.of("law", "stem"));
        assertThat(read.weights()[0]).isCloseTo(trace.weights()[0], Offset.offset(1f / 255));
    }

    @ParameterizedTest
    @CsvSource({"<u2, 2", "<i4, 4", "<i8, 8"})
    void readsWiderIds(final String descr, final int bytes) throws IOException {
        final byte[] elements = new byte[trace.ids().length * bytes];
        for (int i = 0; i < trace.ids().length; i++) {
            elements[i * bytes] = (byte) trace.ids()[i];
        }
        Files.write(directory.resolve("expert_ids.npy"), SyntheticTrace.npy(descr, new int[]{40, 3, 2}, elements));
        assertThat(TraceReader.read(directory).ids()).containsExactly(trace.ids());
    }

    @Test
    void weighsAllRanksAlikeWithoutProbabilities() throws IOException {
        Files.delete(directory.resolve("expert_probs.npy"));
        assertThat(TraceReader.read(directory).weights()).containsOnly(0.5f);
    }

    @Test
    void refusesArraysThatDoNotFitTheirShape() throws IOException {
        Files.write(directory.resolve("expert_ids.npy"), SyntheticTrace.npy("|u1", new int[]{40, 3, 2}, new byte[239]));
        refused("239 bytes", "needs 240");
    }

    @Test
    void refusesAnExpertTwiceInOneRow() throws IOException {
        final byte[] ids = new byte[240];
        Files.write(directory.resolve("expert_ids.npy"), SyntheticTrace.npy("|u1", new int[]{40, 3, 2}, ids));
        refused("token 0, layer 0, rank 1", "expert 0 twice");
    }

    @Test
    void refusesOtherElementTypesAndOrders() throws IOException {
        Files.write(directory.resolve("expert_ids.npy"), SyntheticTrace.npy(">u2", new int[]{40, 3, 2}, new byte[480]));
        refused("'>u2'");
        Files.write(directory.resolve("expert_ids.npy"), SyntheticTrace.npy("|u1", new int[]{40, 6}, new byte[240]));
        refused("[40, 6]");
        Files.writeString(directory.resolve("expert_ids.npy"), "no array at all");
        refused("magic");
    }

    @Test
    void refusesProbabilitiesOfAnotherShape() throws IOException {
        Files.write(directory.resolve("expert_probs.npy"), SyntheticTrace.npy("|u1", new int[]{40, 2, 3}, new byte[240]));
        refused("[40, 2, 3]", "[40, 3, 2]");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"0,law,0,10\\n1,law,11,29 | from 11; expected at least 1 from 10",
        "0,law,0,41 | covers 41 tokens", "0,law,0,39 | covers 39 tokens; the trace has 40",
        "0,law,0,x | has 'x'; expected a whole number", "0,law,0 | has 3 fields; expected 4"})
    void refusesSequencesThatDoNotCoverTheTrace(final String rows, final String message) throws IOException {
        Files.writeString(directory.resolve("traces.csv"), "trace,domain,first_token,tokens\n" + rows.replace("\\n", "\n"));
        refused(message);
    }

    @Test
    void readsJsonLinesOfInterleavedSequences() throws IOException {
        final Trace read = jsonLines(HEADER + """
                {"seq":1,"domain":"law","experts":[[[3,1],[0,2]]],"weights":[[[0.75,0.25],[1,0]]]}
                {"seq":"b","experts":[[[0,1],[2,3]]]}
                {"seq":1,"experts":[[[1,2],[3,0]],[[2,0],[1,3]]],"weights":[[[0.5,0.5],[0.5,0.5]],[[0.5,0.5],[0.5,0.5]]]}
                """);
        assertThat(read.model()).isEqualTo("demo");
        assertThat(read.sequences())
                .isEqualTo(List.of(new Trace.Sequence("1", "law", 0, 3), new Trace.Sequence("b", "", 3, 1)));
        assertThat(read.ids()).containsExactly(3, 1, 0, 2, 1, 2, 3, 0, 2, 0, 1, 3, 0, 1, 2, 3);
        assertThat(read.weights()).startsWith(0.75f, 0.25f, 1f, 0f);
        assertThat(read.experts()).isEqualTo(4);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '~', value = {
        "{\"seq\":1,\"experts\":[[[3,4],[0,2]]]} | line 2 has experts[0][0][1] = 4; expected 0 to 3",
        "{\"seq\":1,\"experts\":[[[3,3],[0,2]]]} | names 3 twice", "{\"seq\":1,\"experts\":[[[3,1]]]} | expected an array of 2",
        "{\"seq\":1,\"experts\":[[[3,1],[0]]]} | has experts[0][1] of 1 elements; expected an array of 2",
        "{\"experts\":[[[3,1],[0,2]]]} | has seq", "{\"seq\":1,\"exp | is not JSON",
        "{\"seq\":1,\"experts\":[[[3,1],[0,2]]],\"weights\":[[[1,-1],[1,1]]]} | weights[0][0][1] = -1"})
    void refusesMalformedLines(final String line, final String message) {
        assertThatThrownBy(() -> jsonLines(HEADER + line)).isInstanceOf(TraceFormatException.class).hasMessageContaining(message);
    }

    @Test
    void refusesMalformedHeaders() {
        assertThatThrownBy(() -> jsonLines("{\"model\":\"x\"}")).hasMessageContaining("expected a header with 1");
        assertThatThrownBy(() -> jsonLines(HEADER.replace(":2}", ":5}"))).hasMessageContaining("top_k 5 of 4 experts");
        assertThatThrownBy(() -> jsonLines(HEADER)).hasMessageContaining("1 lines and no position");
    }

    @Test
    void refusesAnEmptyDirectory(@TempDir final Path empty) {
        assertThatThrownBy(() -> TraceReader.read(empty)).isInstanceOf(TraceFormatException.class)
                .hasMessageContaining("neither expert_ids.npy nor trace.jsonl");
    }

    private Trace jsonLines(final String text) throws IOException {
        final Path file = directory.resolve("recorded.jsonl");
        Files.writeString(file, text);
        return TraceReader.read(file);
    }

    private void refused(final String... messages) {
        assertThatThrownBy(() -> TraceReader.read(directory)).isInstanceOf(TraceFormatException.class)
                .hasMessageContainingAll(messages);
    }
}
