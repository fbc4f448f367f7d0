package io.drover.actors;

import java.util.Collection;
import java.util.Comparator;

import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

import io.drover.model.forward.KvPool;
import io.drover.model.forward.KvSequence;
import io.drover.streams.BuddyFrame;
import io.drover.streams.FrameHandler;
import io.drover.streams.FrameType;
import io.drover.streams.KvPageFrame;
import io.drover.streams.KvReleaseFrame;
import io.drover.streams.Links;

/**
 * Carries pages between homes and buddies, and what they tell one another and the gateways. A page is copied once into a frame, and
 * once from a frame to where it stays. Compute thread only.
 */
final class BuddyLinks implements PageCopier.Actions, PageKeeper.Actions, PageKeeper.Memory, FrameHandler {
    /** Told who keeps the pages of a sequence. */
    interface GatewaySide {
        void onKeptBy(int from, long requestKey, long ownerTerm, int buddy);
    }

    /** Knows the nodes of the cluster. */
    interface Nodes {
        /** Other nodes that are heard. */
        Collection<Integer> usablePeers();
    }

    private final int self;
    private final Links links;
    private final KvPool pool;
    private final Router router;
    private final PeerPace pace;
    private final UnsafeBuffer frame;
    private final UnsafeBuffer page = new UnsafeBuffer(0, 0);
    private final KvPageFrame part = new KvPageFrame();
    private final KvReleaseFrame released = new KvReleaseFrame();
    private final BuddyFrame buddy = new BuddyFrame();
    private PageCopier copier;
    private PageKeeper keeper;
    private GatewaySide gateway;
    private Nodes nodes;
    private long unfit;

    BuddyLinks(final int self, final Links links, final KvPool pool, final Router router, final PeerPace pace) {
        this.self = self;
        this.links = links;
        this.pool = pool;
        this.router = router;
        this.pace = pace;
        frame = new UnsafeBuffer(new byte[links.largestBackgroundFrame()]);
    }

    /** Both machines act through this object, so they come after the constructor, once. */
    void connect(final PageCopier aCopier, final PageKeeper aKeeper) {
        copier = aCopier;
        keeper = aKeeper;
    }

    /** The two are built upon this object, so they come after the constructor, once. */
    void connect(final GatewaySide gatewaySide, final Nodes others) {
        gateway = gatewaySide;
        nodes = others;
    }

    /** Trusted peers first; among them another order at each node, so that not all homes begin with the same one. */
    @Override
    public int[] candidates() {
        return nodes.usablePeers()
                .stream()
                .sorted(Comparator.<Integer, Boolean>comparing(node -> !pace.trusted(node))
                        .thenComparingInt(node -> node - self & Integer.MAX_VALUE))
                .mapToInt(Integer::intValue)
                .toArray();
    }

    @Override
    public boolean usable(final int node) {
        return router.usable(node);
    }

    @Override
    public boolean sendPart(final int node, final Sequence sequence, final int index, final long idHash, final int before,
            final int length) {
        final KvSequence kv = sequence.kv;
        if (kv == null) {
            return false;
        }
        wrapPage(kv.page(index));
        part.wrap(frame, 0)
                .begin(sequence.key.gatewayNode(), sequence.key.requestKey(), sequence.ownerTerm, idHash, index)
                .part(page, before, length);
        return links.offerInBackground(node, frame, 0, part.encodedLength());
    }

    private void wrapPage(final long name) {
        page.wrap(pool.page(name).address(), Math.toIntExact(pool.pageBytes()));
    }

    @Override
    public boolean sendRelease(final int node, final Sequence.Key key, final long ownerTerm) {
        released.wrap(frame, 0).begin(key.gatewayNode(), key.requestKey(), ownerTerm);
        return links.offerInBackground(node, frame, 0, released.encodedLength());
    }

    @Override
    public void keptBy(final Sequence sequence, final int node) {
        if (sequence.key.gatewayNode() == self) {
            gateway.onKeptBy(self, sequence.key.requestKey(), sequence.ownerTerm, node);
        } else {
            tell(sequence.key.gatewayNode(), sequence.key, sequence.ownerTerm, BuddyFrame.KEPT_BY, node);
        }
    }

    @Override
    public void resume(final int home, final Sequence.Key key, final long ownerTerm, final int pages) {
        tell(home, key, ownerTerm, BuddyFrame.RESUME, pages);
    }

    @Override
    public void dropped(final int home, final Sequence.Key key, final long ownerTerm) {
        tell(home, key, ownerTerm, BuddyFrame.DROPPED, 0);
    }

    private void tell(final int node, final Sequence.Key key, final long ownerTerm, final int kind, final int value) {
        buddy.wrap(frame, 0).begin(key.gatewayNode(), key.requestKey(), ownerTerm, kind, value);
        links.offer(node, frame, 0, buddy.encodedLength());
    }

    @Override
    public long take() {
        return pool.take();
    }

    @Override
    public void giveBack(final long taken) {
        pool.giveBack(taken);
    }

    /** A frame that came in the background. */
    @Override
    public void onFrame(final int from, final int type, final DirectBuffer buffer, final int offset, final int length) {
        if (type == FrameType.KV_PAGE) {
            onPart(from, part.wrap(buffer, offset));
        } else {
            released.wrap(buffer, offset);
            keeper.onRelease(from, new Sequence.Key(released.gatewayNodeId(), released.requestKey()), released.ownerTerm(),
                    System.nanoTime());
        }
    }

    private void onPart(final int from, final KvPageFrame received) {
        final Sequence.Key key = new Sequence.Key(received.gatewayNodeId(), received.requestKey());
        final long ownerTerm = received.ownerTerm();
        if (received.pageBytes() != pool.pageBytes()) {
            unfit++;
            dropped(from, key, ownerTerm);
            return;
        }
        final long target = keeper.onPart(from, key, ownerTerm, received.page(), received.idHash(), received.before(),
                received.partBytes(), System.nanoTime());
        if (target != PageKeeper.NONE) {
            wrapPage(target);
            received.readPart(page);
        }
    }

    /** A frame of type {@link FrameType#BUDDY}. */
    void onBuddy(final int from, final DirectBuffer bytes, final int offset) {
        buddy.wrap(bytes, offset);
        final Sequence.Key key = new Sequence.Key(buddy.gatewayNodeId(), buddy.requestKey());
        switch (buddy.kind()) {
            case BuddyFrame.KEPT_BY -> gateway.onKeptBy(from, buddy.requestKey(), buddy.ownerTerm(), buddy.value());
            case BuddyFrame.RESUME -> copier.onResume(from, key, buddy.ownerTerm(), buddy.value());
            default -> copier.onDropped(from, key, buddy.ownerTerm());
        }
    }

    /** Parts of pages of another size, as another model's or type's would be. */
    long unfit() {
        return unfit;
    }
}
