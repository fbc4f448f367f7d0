package io.drover.streams;

import org.agrona.DirectBuffer;

/** Is given each frame that {@link Links} has accepted: well-formed, from the current incarnation of a known peer. */
@FunctionalInterface
public interface FrameHandler {
    /**
     * Called on the thread that polls. The bytes are valid during the call only.
     *
     * @param fromNodeId the sender
     * @param type       one of {@link FrameType}
     * @param offset     where the frame's header starts
     * @param length     of the frame, header included
     */
    void onFrame(int fromNodeId, int type, DirectBuffer buffer, int offset, int length);
}
