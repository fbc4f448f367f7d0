package io.drover.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.NotSerializableException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

import org.apache.pekko.actor.ExtendedActorSystem;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.util.ByteString;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

import com.typesafe.config.ConfigFactory;

import io.drover.actors.RoutingTable;
import io.drover.placement.Epoch;
import io.drover.placement.Placement;
import io.drover.placement.RebalanceLedger;
import io.drover.placement.RebalanceMove;
import io.drover.streams.Endpoint;

class ControlCodecTest {
    private static final String VERSION = Integer.toString(ControlCodec.VERSION);
    private static final Identity IDENTITY = new Identity("a".repeat(64), "b".repeat(64), "e".repeat(64), "c".repeat(64),
            "float32", "bfloat16",
            "cpu", VERSION);
    private static ActorTestKit kit;
    private static ControlSerializer serializer;
    private static TestProbe<Coordinator.Answer> node;
    private static TestProbe<Door.Answer> knocker;
    private static TestProbe<MovesView> operator;
    private static TestProbe<Coordinator.RoutingAnswer> routing;
    private static TestProbe<Recorder.Opened> recorder;

    @BeforeAll
    static void start() {
        kit = ActorTestKit.create("codec", ConfigFactory.parseString("pekko.log-dead-letters = off\npekko.loglevel = WARNING")
                .withFallback(ConfigFactory.load()));
        serializer = new ControlSerializer((ExtendedActorSystem) Adapter.toClassic(kit.system()));
        node = kit.createTestProbe(Coordinator.Answer.class);
        routing = kit.createTestProbe(Coordinator.RoutingAnswer.class);
        recorder = kit.createTestProbe(Recorder.Opened.class);
        knocker = kit.createTestProbe(Door.Answer.class);
        operator = kit.createTestProbe(MovesView.class);
    }

    @AfterAll
    static void stop() {
        kit.shutdownTestKit();
    }

    /** Ids are a contract between versions: whoever changes one raises the version and this table. */
    @Test
    void pinsTheIds() {
        final Map<Integer, String> ids = new TreeMap<>(ControlCodec.TABLE.entrySet()
                .stream()
                .collect(Collectors.toMap(Map.Entry::getValue, entry -> entry.getKey().getSimpleName())));
        assertThat(ControlCodec.VERSION).isEqualTo(7);
        assertThat(ids.toString()).isEqualTo("{16=Knock, 17=Answer, 18=Report, 19=Orders, 20=Refusal, 21=Routing, 22=AskRouting, "
                + "23=RoutingAnswer, 24=Open, 25=Opened, 26=Close, 27=Ask, 28=MovesView, 32=Identity, "
                + "33=NodeDescriptor, 34=NodeReport, 35=Endpoint, 36=Epoch, 37=Placement, 38=RoutingTable, 39=Roster, "
                + "40=Published, 41=ClusterView, 42=NodeView, 43=State, 44=ExpertSet, 45=MemberId, 46=RoutingReport, 47=Replicas, "
                + "48=Entry, 49=Outcome, 50=Id, 51=Why, 52=Wish, 53=Kind, 54=Operation, "
                + "55=State, 56=SlowPeer, 64=String, 65=List, 66=Integer, 67=ActorRef, 68=ByteString}");
    }

    @Test
    void bringsEveryMessageBack() throws NotSerializableException {
        for (final ControlMessage message : messages()) {
            final Object back = serializer.fromBinary(serializer.toBinary(message), serializer.manifest(message));
            assertThat(back).isEqualTo(message);
        }
    }

    @Test
    void refusesWhatIsNotInTheTable() {
        assertThatThrownBy(() -> serializer.toBinary(new Object())).hasMessageContaining("java.lang.Object");
        assertThatThrownBy(() -> serializer.fromBinary(new byte[]{9, 0}, VERSION)).isInstanceOf(NotSerializableException.class)
                .hasMessageContaining("class id 9 is unknown");
        assertThatThrownBy(() -> serializer.fromBinary(new byte[]{64, 1, 'x'}, VERSION))
                .isInstanceOf(NotSerializableException.class)
                .hasMessageContaining("java.lang.String is no control message");
        assertThatThrownBy(() -> serializer.fromBinary(new byte[0], "0")).isInstanceOf(NotSerializableException.class)
                .hasMessageContaining("version 0");
        final byte[] longer = Arrays.copyOf(serializer.toBinary(new Refusal("no")), 64);
        assertThatThrownBy(() -> serializer.fromBinary(longer, VERSION)).isInstanceOf(NotSerializableException.class);
    }

    /** A length that the bytes cannot fill is refused before memory is taken for it: each of these would else ask for gigabytes. */
    @Test
    void refusesLengthBombs() {
        final byte[] hugeCount = {(byte) 0xff, (byte) 0xff, (byte) 0xff, (byte) 0xff, 0x07};
        final byte[] negativeCount = {(byte) 0xff, (byte) 0xff, (byte) 0xff, (byte) 0xff, 0x0f};
        for (final byte[] count : List.of(hugeCount, negativeCount)) {
            for (final int id : new int[]{19, 20, 21, 23, 37, 40, 44, 46, 64, 65, 67, 68}) {
                for (int prefix = 0; prefix < 4; prefix++) {
                    final byte[] bytes = new byte[1 + prefix + count.length];
                    bytes[0] = (byte) id;
                    Arrays.fill(bytes, 1, 1 + prefix, (byte) 1);
                    System.arraycopy(count, 0, bytes, 1 + prefix, count.length);
                    assertThatThrownBy(() -> serializer.fromBinary(bytes, VERSION)).isInstanceOf(NotSerializableException.class);
                }
            }
        }
    }

    @Test
    void refusesTruncationsAtEveryByte() {
        for (final ControlMessage message : messages()) {
            final byte[] bytes = serializer.toBinary(message);
            for (int length = 0; length < bytes.length; length++) {
                final byte[] cut = Arrays.copyOf(bytes, length);
                assertThatThrownBy(() -> serializer.fromBinary(cut, VERSION)).isInstanceOf(NotSerializableException.class);
            }
        }
    }

    /** Whatever comes in is a message or a NotSerializableException, never another throwable and never an OutOfMemoryError. */
    @Test
    void survivesDamagedBytes() {
        final long seed = System.nanoTime();
        final Random random = new Random(seed);
        final List<byte[]> samples = messages().stream().map(serializer::toBinary).toList();
        for (int round = 0; round < 20_000; round++) {
            final byte[] bytes = samples.get(random.nextInt(samples.size())).clone();
            final int damages = 1 + random.nextInt(4);
            for (int i = 0; i < damages; i++) {
                final int at = random.nextInt(bytes.length);
                bytes[at] = random.nextBoolean() ? (byte) (bytes[at] ^ 1 << random.nextInt(8)) : (byte) random.nextInt(256);
            }
            final byte[] damaged = random.nextInt(8) == 0 ? Arrays.copyOf(bytes, random.nextInt(bytes.length + 1)) : bytes;
            try {
                assertThat(serializer.fromBinary(damaged, VERSION)).isInstanceOf(ControlMessage.class);
            } catch (final NotSerializableException expected) {
                assertThat(expected.getMessage()).isNotEmpty();
            } catch (final RuntimeException | Error e) {
                throw new AssertionError("seed " + seed + ", round " + round + ": " + Arrays.toString(damaged), e);
            }
        }
    }

    private static List<ControlMessage> messages() {
        final NodeDescriptor descriptor = new NodeDescriptor("node-ä", "127.0.0.1:2551", -77L, "host-1", 1L << 40, IDENTITY);
        final Endpoint endpoint = new Endpoint(2, 99, "node-ä", "host-1", "127.0.0.1:40123", 1002);
        final ExpertSet set = ExpertSet.of(IntStream.of(ExpertSet.code(0, 1), ExpertSet.code(3, 255)));
        final Placement placement = Placement.of(new Epoch(3, 14), new int[][][]{{{0}, {1, 2}}, {}, {{2}, {}}});
        final RoutingTable table = new RoutingTable(List.of(endpoint), placement, List.of(0, 1, -1));
        final RebalanceLedger.Entry move = new RebalanceLedger.Entry(new RebalanceMove.Id(3, 5), 2, RebalanceMove.Why.GAIN, 0, 1,
                2,
                -1, 1L << 33, 77, Long.MAX_VALUE, RebalanceLedger.Outcome.RUNNING, 0.25, Double.NaN, "because");
        final Roster roster = new Roster(new Epoch(3, 2), List.of("node-1", "node-2", "node-ä"), 3, true, List.of("node-2"), 1.5,
                List.of(move));
        final NodeReport.Replicas replicas = new NodeReport.Replicas(set, ExpertSet.EMPTY, ExpertSet.of(IntStream.of(1)));
        final ClusterView view = new ClusterView(false, "experts are loading", new Epoch(3, 14),
                List.of(new NodeView("node-1", 0, "127.0.0.1:1", NodeView.State.LOADING, 12, 250, endpoint)));
        return List.of(
                new Door.Knock("node-1", "127.0.0.1:1", IDENTITY, knocker.getRef()),
                new Door.Answer(true, IDENTITY),
                new Coordinator.Report(
                        new NodeReport(descriptor, 1, true, -1, null, null, Epoch.NONE, Epoch.NONE, Epoch.NONE, false,
                                NodeReport.Replicas.NONE, "", List.of(), List.of(), false, null),
                        node.getRef()),
                new Coordinator.Report(
                        new NodeReport(descriptor, 5, false, 2, endpoint, endpoint, new Epoch(3, 7), new Epoch(1, 2),
                                new Epoch(3, 1),
                                true, replicas, "L0/E1: no room", List.of(0, 1), List.of(new NodeReport.SlowPeer(1, 8)), true,
                                new Published(table, roster)),
                        node.getRef()),
                new Orders(new Epoch(0, 1), -1, null, true, null, null, false, view),
                new Orders(new Epoch(3, 9), 2, set, false, table, roster, true, view),
                new Coordinator.Routing(new RoutingReport(descriptor.member(), 9, 123.5, ByteString.fromInts(1, 2, 3))),
                new Coordinator.AskRouting(1 << 20, routing.getRef()),
                new Coordinator.RoutingAnswer(3, 0, ByteString.emptyByteString()),
                new Recorder.Open(recorder.getRef()),
                new Recorder.Opened("", "a recording runs already"),
                new Recorder.Close(),
                new Coordinator.Ask(Wish.move(3, 17, "node-2", Wish.NONE), operator.getRef()),
                new MovesView("", "op-3-1", true, false, 12, List.of("node-1"), List.of(new Operation("op-3-1", "drain node-1",
                        Operation.State.RUNNING, 1, 5, 77, 400, "")), List.of(move), List.of("MOVE_FAILED: no luck")),
                new Refusal("node 'x' may not join: wire type is float32 here and bfloat16 in the cluster"));
    }
}
