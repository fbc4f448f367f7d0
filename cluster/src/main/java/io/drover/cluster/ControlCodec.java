package io.drover.cluster;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorRefResolver;
import org.apache.pekko.util.ByteString;

import com.esotericsoftware.kryo.kryo5.Kryo;
import com.esotericsoftware.kryo.kryo5.KryoException;
import com.esotericsoftware.kryo.kryo5.Registration;
import com.esotericsoftware.kryo.kryo5.Serializer;
import com.esotericsoftware.kryo.kryo5.io.Input;
import com.esotericsoftware.kryo.kryo5.io.Output;
import com.esotericsoftware.kryo.kryo5.serializers.DefaultSerializers;
import com.esotericsoftware.kryo.kryo5.serializers.ImmutableSerializer;
import com.esotericsoftware.kryo.kryo5.serializers.RecordSerializer;
import com.esotericsoftware.kryo.kryo5.util.Pool;

import io.drover.actors.RoutingTable;
import io.drover.placement.Epoch;
import io.drover.placement.Placement;
import io.drover.placement.RebalanceLedger;
import io.drover.placement.RebalanceMove;
import io.drover.streams.Endpoint;

/**
 * Control messages as bytes: the id of the record's class (a varint), then its components in the order of their names, by Kryo. Only
 * classes of {@link #TABLE} are written or read; no class is named on the wire, no object is shared.
 *
 * <p>Bytes are not trusted: a length that the bytes left cannot fill is refused before anything is allocated for it, nesting is
 * limited, and bytes left over are an error. Thread-safe.
 */
final class ControlCodec {
    /** Part of {@link Identity#frameVersion()}; to be raised with each change of {@link #TABLE} or of a record in it. */
    static final int VERSION = 7;

    /** The ids on the wire. An id is never used again for something else. */
    static final Map<Class<?>, Integer> TABLE = table();

    private static final int MAX_DEPTH = 12;
    private static final int MIN_BUFFER_BYTES = 256;

    private final Pool<Kryo> kryos;

    ControlCodec(final ActorRefResolver actors) {
        kryos = new Pool<>(true, false, 8) {
            @Override
            protected Kryo create() {
                return kryo(actors);
            }
        };
    }

    private static Map<Class<?>, Integer> table() {
        final Map<Class<?>, Integer> table = new LinkedHashMap<>();
        table.put(Door.Knock.class, 16);
        table.put(Door.Answer.class, 17);
        table.put(Coordinator.Report.class, 18);
        table.put(Orders.class, 19);
        table.put(Refusal.class, 20);
        table.put(Coordinator.Routing.class, 21);
        table.put(Coordinator.AskRouting.class, 22);
        table.put(Coordinator.RoutingAnswer.class, 23);
        table.put(Recorder.Open.class, 24);
        table.put(Recorder.Opened.class, 25);
        table.put(Recorder.Close.class, 26);
        table.put(Coordinator.Ask.class, 27);
        table.put(MovesView.class, 28);
        table.put(Identity.class, 32);
        table.put(NodeDescriptor.class, 33);
        table.put(NodeReport.class, 34);
        table.put(Endpoint.class, 35);
        table.put(Epoch.class, 36);
        table.put(Placement.class, 37);
        table.put(RoutingTable.class, 38);
        table.put(Roster.class, 39);
        table.put(Published.class, 40);
        table.put(ClusterView.class, 41);
        table.put(NodeView.class, 42);
        table.put(NodeView.State.class, 43);
        table.put(ExpertSet.class, 44);
        table.put(MemberId.class, 45);
        table.put(RoutingReport.class, 46);
        table.put(NodeReport.Replicas.class, 47);
        table.put(RebalanceLedger.Entry.class, 48);
        table.put(RebalanceLedger.Outcome.class, 49);
        table.put(RebalanceMove.Id.class, 50);
        table.put(RebalanceMove.Why.class, 51);
        table.put(Wish.class, 52);
        table.put(Wish.Kind.class, 53);
        table.put(Operation.class, 54);
        table.put(Operation.State.class, 55);
        table.put(NodeReport.SlowPeer.class, 56);
        table.put(String.class, 64);
        table.put(List.class, 65);
        table.put(Integer.class, 66);
        table.put(ActorRef.class, 67);
        table.put(ByteString.class, 68);
        return Map.copyOf(table);
    }

    byte[] write(final Object message) {
        final Kryo kryo = kryos.obtain();
        try (Output output = new Output(MIN_BUFFER_BYTES, -1)) {
            writeTagged(kryo, output, message);
            return output.toBytes();
        } finally {
            kryos.free(kryo);
        }
    }

    /** @throws RuntimeException whatever is wrong with the bytes */
    Object read(final byte[] bytes) {
        final Kryo kryo = kryos.obtain();
        try (Input input = new Input(bytes)) {
            final Object message = readTagged(kryo, input);
            if (input.position() != bytes.length) {
                throw new KryoException(bytes.length - input.position() + " bytes follow the message");
            }
            return message;
        } finally {
            kryos.free(kryo);
        }
    }

    private static void writeTagged(final Kryo kryo, final Output output, final Object value) {
        final Registration registration = kryo.getRegistration(value.getClass());
        output.writeVarInt(registration.getId(), true);
        kryo.writeObject(output, value);
    }

    private static Object readTagged(final Kryo kryo, final Input input) {
        final int id = input.readVarInt(true);
        final Registration registration = kryo.getRegistration(id);
        if (registration == null || !TABLE.containsKey(registration.getType())) {
            throw new KryoException("class id " + id + " is unknown");
        }
        final Class<?> type = registration.getType();
        return kryo.readObject(input, type);
    }

    private static Kryo kryo(final ActorRefResolver actors) {
        final Kryo kryo = new Kryo();
        kryo.setRegistrationRequired(true);
        kryo.setReferences(false);
        kryo.setMaxDepth(MAX_DEPTH);
        TABLE.forEach((type, id) -> {
            if (type.isRecord()) {
                kryo.register(type, recordSerializer(type), id);
            } else if (type.isEnum()) {
                kryo.register(type, id);
            }
        });
        kryo.register(Placement.class, new PlacementSerializer(), TABLE.get(Placement.class));
        kryo.register(ExpertSet.class, new ExpertSetSerializer(), TABLE.get(ExpertSet.class));
        kryo.register(String.class, new TextSerializer(), TABLE.get(String.class));
        kryo.register(List.class, new ListSerializer(), TABLE.get(List.class));
        kryo.register(Integer.class, new DefaultSerializers.IntSerializer(), TABLE.get(Integer.class));
        kryo.register(ActorRef.class, new ActorRefSerializer(actors), TABLE.get(ActorRef.class));
        kryo.register(ByteString.class, new ByteStringSerializer(), TABLE.get(ByteString.class));
        return kryo;
    }

    private static Serializer<?> recordSerializer(final Class<?> type) {
        final RecordSerializer<?> serializer = new RecordSerializer<>(type);
        // A component is written by its declared type; so no class id comes from the wire inside of a record.
        serializer.setFixedFieldTypes(true);
        return serializer;
    }

    /** Reads a count of elements that take at least a byte each. */
    private static int readCount(final Input input) {
        final int count = input.readVarInt(true);
        final int left = input.limit() - input.position();
        if (count < 0 || count > left) {
            throw new KryoException("a count of " + Integer.toUnsignedString(count) + " with " + left + " bytes left");
        }
        return count;
    }

    private static void writeInts(final Output output, final int[] values) {
        output.writeVarInt(values.length, true);
        output.writeInts(values, 0, values.length, true);
    }

    private static int[] readInts(final Input input) {
        final int count = readCount(input);
        return input.readInts(count, true);
    }

    private static final class TextSerializer extends ImmutableSerializer<String> {
        TextSerializer() {
            setAcceptsNull(false);
        }

        @Override
        public void write(final Kryo kryo, final Output output, final String text) {
            final byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
            output.writeVarInt(utf8.length, true);
            output.writeBytes(utf8);
        }

        @Override
        public String read(final Kryo kryo, final Input input, final Class<? extends String> type) {
            return new String(input.readBytes(readCount(input)), StandardCharsets.UTF_8);
        }
    }

    private static final class ByteStringSerializer extends ImmutableSerializer<ByteString> {
        @Override
        public void write(final Kryo kryo, final Output output, final ByteString bytes) {
            output.writeVarInt(bytes.size(), true);
            output.writeBytes(bytes.toArrayUnsafe());
        }

        @Override
        public ByteString read(final Kryo kryo, final Input input, final Class<? extends ByteString> type) {
            return ByteString.fromArrayUnsafe(input.readBytes(readCount(input)));
        }
    }

    private static final class ExpertSetSerializer extends ImmutableSerializer<ExpertSet> {
        @Override
        public void write(final Kryo kryo, final Output output, final ExpertSet set) {
            writeInts(output, set.codes().toArray());
        }

        @Override
        public ExpertSet read(final Kryo kryo, final Input input, final Class<? extends ExpertSet> type) {
            return ExpertSet.of(Arrays.stream(readInts(input)));
        }
    }

    /** Elements carry their class ids, since a list's type does not say them. */
    private static final class ListSerializer extends ImmutableSerializer<List<?>> {
        @Override
        public void write(final Kryo kryo, final Output output, final List<?> list) {
            output.writeVarInt(list.size(), true);
            for (final Object element : list) {
                writeTagged(kryo, output, element);
            }
        }

        @Override
        public List<?> read(final Kryo kryo, final Input input, final Class<? extends List<?>> type) {
            final int count = readCount(input);
            final List<Object> list = new ArrayList<>(count);
            for (int i = 0; i < count; i++) {
                list.add(readTagged(kryo, input));
            }
            return List.copyOf(list);
        }
    }

    /** Epoch, then the table: counts and device ordinals as varints. */
    private static final class PlacementSerializer extends ImmutableSerializer<Placement> {
        @Override
        public void write(final Kryo kryo, final Output output, final Placement placement) {
            kryo.writeObject(output, placement.epoch());
            output.writeVarInt(placement.layers(), true);
            for (final int[][] layer : placement.toArray()) {
                output.writeVarInt(layer.length, true);
                for (final int[] devices : layer) {
                    writeInts(output, devices);
                }
            }
        }

        @Override
        public Placement read(final Kryo kryo, final Input input, final Class<? extends Placement> type) {
            final Epoch epoch = kryo.readObject(input, Epoch.class);
            final int[][][] devices = new int[readCount(input)][][];
            for (int layer = 0; layer < devices.length; layer++) {
                devices[layer] = new int[readCount(input)][];
                for (int expert = 0; expert < devices[layer].length; expert++) {
                    devices[layer][expert] = readInts(input);
                }
            }
            return Placement.of(epoch, devices);
        }
    }

    private static final class ActorRefSerializer extends ImmutableSerializer<ActorRef<?>> {
        private final ActorRefResolver actors;

        ActorRefSerializer(final ActorRefResolver actors) {
            this.actors = actors;
        }

        @Override
        public void write(final Kryo kryo, final Output output, final ActorRef<?> actor) {
            kryo.writeObject(output, actors.toSerializationFormat(actor));
        }

        @Override
        public ActorRef<?> read(final Kryo kryo, final Input input, final Class<? extends ActorRef<?>> type) {
            return actors.resolveActorRef(kryo.readObject(input, String.class));
        }
    }
}
