package io.drover.bench.serve;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class StreamJudgeTest {
    private static final String TOKEN = "data: {\"choices\":[{\"index\":0,\"text\":\"a\",\"finish_reason\":null}],\"usage\":null}";
    private static final String END = "data: {\"choices\":[{\"index\":0,\"text\":\"\",\"finish_reason\":\"length\"}],\"usage\":null}";
    private static final String USAGE = "data: {\"choices\":[],\"usage\":{\"completion_tokens\":2}}";
    private static final String DONE = "data: [DONE]";

    @Test
    void aProperStreamHasItsTimes() {
        final StreamJudge judge = new StreamJudge(100);
        judge.on(TOKEN, 150);
        judge.on("", 150);
        judge.on(TOKEN, 170);
        List.of(END, "", USAGE, "", DONE, "").forEach(line -> judge.on(line, 200));
        assertThat(judge.fault()).isEmpty();
        assertThat(judge.firstTokenNs()).isEqualTo(50);
        assertThat(judge.gapsNs()).containsExactly(20L);
    }

    @ParameterizedTest
    @CsvSource({"TTEU,no [DONE]", "TTUD,no finish_reason", "TEUD,1 tokens came and the usage says 2",
        "TTED,2 tokens came and the usage says -1",
        "TX,'an error event: node_lost, gone'", "T!UD,a line that is no event: nonsense", "TTEUDT,a line after [DONE]: " + "T",
        "'',no [DONE]"})
    void anythingElseIsAFault(final String script, final String fault) {
        final StreamJudge judge = new StreamJudge(0);
        script.chars().forEach(c -> lines((char) c).forEach(line -> judge.on(line, 1)));
        assertThat(judge.fault()).startsWith(fault.endsWith(": T") ? fault.substring(0, fault.length() - 1) : fault);
    }

    @Test
    void aBrokenStreamIsAFaultEvenAfterItsEnd() {
        final StreamJudge judge = new StreamJudge(0);
        List.of(TOKEN, TOKEN, END, USAGE, DONE).forEach(line -> judge.on(line, 1));
        judge.broken("reset");
        assertThat(judge.fault()).isEqualTo("the stream broke: reset");
    }

    private static List<String> lines(final char what) {
        return switch (what) {
            case 'T' -> List.of(TOKEN);
            case 'E' -> List.of(END);
            case 'U' -> List.of(USAGE);
            case 'D' -> List.of(DONE);
            case 'X' -> List.of("event: error", "data: {\"error\":{\"code\":\"node_lost\",\"message\":\"gone\"}}");
            default -> List.of("nonsense");
        };
    }
}
