package io.drover.cluster;

import java.io.NotSerializableException;

import org.apache.pekko.actor.ExtendedActorSystem;
import org.apache.pekko.actor.typed.ActorRefResolver;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.serialization.SerializerWithStringManifest;

/**
 * Binds {@link ControlMessage}s to Pekko. The manifest is the version of {@link ControlCodec#TABLE}; whatever is wrong with bytes that
 * came in ends in a {@link NotSerializableException}, which drops that message and keeps the connection.
 */
final class ControlSerializer extends SerializerWithStringManifest {
    private static final int IDENTIFIER = 0x44726f76;
    private static final String MANIFEST = Integer.toString(ControlCodec.VERSION);

    private final ControlCodec codec;

    /** Called by Pekko. */
    ControlSerializer(final ExtendedActorSystem system) {
        codec = new ControlCodec(ActorRefResolver.get(Adapter.toTyped(system)));
    }

    @Override
    public int identifier() {
        return IDENTIFIER;
    }

    @Override
    public String manifest(final Object message) {
        return MANIFEST;
    }

    @Override
    public byte[] toBinary(final Object message) {
        return codec.write(message);
    }

    @Override
    public Object fromBinary(final byte[] bytes, final String manifest) throws NotSerializableException {
        if (!manifest.equals(MANIFEST)) {
            throw new NotSerializableException("control messages of version " + manifest + "; this node speaks " + MANIFEST);
        }
        final Object message;
        try {
            message = codec.read(bytes);
        } catch (final RuntimeException e) {
            throw malformed(bytes.length + " bytes are no control message: " + e.getMessage(), e);
        }
        if (message instanceof ControlMessage) {
            return message;
        }
        throw new NotSerializableException(message.getClass().getName() + " is no control message");
    }

    private static NotSerializableException malformed(final String message, final Throwable cause) {
        final NotSerializableException exception = new NotSerializableException(message);
        exception.initCause(cause);
        return exception;
    }
}
