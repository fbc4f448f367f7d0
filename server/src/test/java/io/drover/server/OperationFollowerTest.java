package io.drover.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicReference;

import org.junit.jupiter.api.Test;

import io.drover.cluster.MovesView;
import io.drover.cluster.Operation;
import io.drover.cluster.Operation.State;
import io.drover.cluster.Wish;

import picocli.CommandLine;

/** A drain as its command sees it, while the coordinator changes. */
final class OperationFollowerTest {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final Deque<CompletionStage<MovesView>> looks = new ArrayDeque<>();
    private final AtomicReference<String> failure = new AtomicReference<>("");

    @Test
    void waitsForAnotherCoordinator() {
        looks.add(shown(State.RUNNING));
        looks.add(CompletableFuture.failedFuture(new IllegalStateException("no coordinator here")));
        looks.add(answer("not now: the coordinator is learning", List.of()));
        looks.add(shown(State.DONE));
        assertThat(drain()).as(failure.get()).isZero();
        assertThat(out.toString(StandardCharsets.UTF_8)).contains("running", "done");
    }

    @Test
    void saysThatADrainMayGoOnWhereItIsForgotten() {
        looks.add(shown(State.RUNNING));
        looks.add(answer("", List.of()));
        assertThat(drain()).isEqualTo(1);
        assertThat(failure.get()).contains("no operation 'op-1-1'").contains("may go on");
    }

    @Test
    void whereNoOperationIsNamedAllAreListed() throws Exception {
        try (Door door = new Door()) {
            door.wishes = wish -> wish.operation().isEmpty() ? shown(State.RUNNING) : answer("", List.of());
            assertThat(Door.json(door.get("/admin/operations")).at("/operations/0/id").asText()).isEqualTo("op-1-1");
            assertThat(door.get("/admin/operations/other").statusCode()).isEqualTo(404);
        }
    }

    private int drain() {
        try (Door door = new Door()) {
            door.wishes = wish -> wish.kind() == Wish.Kind.DRAIN ? answer("", List.of()) : looks.remove();
            return new CommandLine(new DrainCommand(new Console(new PrintStream(out, true, StandardCharsets.UTF_8))))
                    .setExecutionExceptionHandler((e, line, parsed) -> {
                        failure.set(e.getMessage());
                        return 1;
                    })
                    .execute("node-2", "--url", door.uri("").toString());
        }
    }

    private static CompletionStage<MovesView> shown(final State state) {
        return answer("", List.of(new Operation("op-1-1", "drain node-2", state, 0, 4, 0, -1, "")));
    }

    private static CompletionStage<MovesView> answer(final String refusal, final List<Operation> operations) {
        return CompletableFuture.completedFuture(
                new MovesView(refusal, "op-1-1", true, true, 0, List.of(), operations, List.of(), List.of()));
    }
}
