package io.drover.streams;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Map;
import javax.crypto.Mac;
import javax.crypto.ShortBufferException;
import javax.crypto.spec.SecretKeySpec;

import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;
import org.jspecify.annotations.Nullable;

/**
 * HMAC-SHA256 over a frame without its tag, cut to {@link FrameHeader#TAG_LENGTH} bytes (RFC 2104, section 5). One thread.
 */
final class FrameAuthenticator {
    private static final String ALGORITHM = "HmacSHA256";
    private static final int LEAST_SECRET_LENGTH = 16;
    private static final int CHUNK = 4096;

    private final Mac mac;
    private final byte[] chunk = new byte[CHUNK];
    private final byte[] full;
    private final byte[] computed = new byte[FrameHeader.TAG_LENGTH];
    private final byte[] carried = new byte[FrameHeader.TAG_LENGTH];

    FrameAuthenticator(final String secret) {
        if (secret.length() < LEAST_SECRET_LENGTH) {
            throw new IllegalArgumentException("the shared secret has " + secret.length() + " characters; expected at least "
                    + LEAST_SECRET_LENGTH);
        }
        try {
            mac = Mac.getInstance(ALGORITHM);
            mac.init(new SecretKeySpec(secret.getBytes(StandardCharsets.UTF_8), ALGORITHM));
        } catch (final GeneralSecurityException e) {
            throw new IllegalStateException(ALGORITHM + " is missing in this JDK", e);
        }
        full = new byte[mac.getMacLength()];
    }

    /** Null where the settings name no variable. */
    static @Nullable FrameAuthenticator from(final String variable, final Map<String, String> environment) {
        if (variable.isEmpty()) {
            return null;
        }
        final String secret = environment.get(variable);
        if (secret == null) {
            throw new IllegalArgumentException("drover.streams.shared-secret-env names " + variable
                    + ", but the environment has no such variable");
        }
        return new FrameAuthenticator(secret);
    }

    /** Writes the tag of a frame in two parts into its header. */
    void sign(final MutableDirectBuffer header, final DirectBuffer body, final int bodyOffset, final int bodyLength) {
        compute(header, 0, body, bodyOffset, bodyLength);
        header.putBytes(FrameHeader.TAG_OFFSET, computed);
    }

    boolean verify(final DirectBuffer frame, final int offset, final int length) {
        compute(frame, offset, frame, offset + FrameHeader.HEADER_LENGTH, length - FrameHeader.HEADER_LENGTH);
        frame.getBytes(offset + FrameHeader.TAG_OFFSET, carried);
        return MessageDigest.isEqual(computed, carried);
    }

    private void compute(final DirectBuffer header, final int headerOffset, final DirectBuffer body, final int bodyOffset,
            final int bodyLength) {
        header.getBytes(headerOffset, chunk, 0, FrameHeader.TAG_OFFSET);
        mac.update(chunk, 0, FrameHeader.TAG_OFFSET);
        for (int done = 0; done < bodyLength;) {
            final int part = Math.min(CHUNK, bodyLength - done);
            body.getBytes(bodyOffset + done, chunk, 0, part);
            mac.update(chunk, 0, part);
            done += part;
        }
        try {
            mac.doFinal(full, 0);
        } catch (final ShortBufferException e) {
            throw new AssertionError(e);
        }
        System.arraycopy(full, 0, computed, 0, computed.length);
    }
}
