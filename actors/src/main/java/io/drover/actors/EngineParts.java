package io.drover.actors;

import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.concurrent.TimeUnit;

import io.drover.model.ModelConfig;
import io.drover.model.Sampler;
import io.drover.model.StorageType;
import io.drover.model.forward.KvPool;
import io.drover.model.forward.Rows;
import io.drover.model.forward.Trunk;
import io.drover.streams.Endpoint;
import io.drover.streams.KvPageFrame;
import io.drover.streams.Links;
import io.drover.streams.WireType;

/** What an engine is made of, wired together; all of it belongs to the compute thread. */
record EngineParts(Links links, Router router, LocalExperts experts, DeviceExecutor device, Completed completed,
        CallLedger ledger, PeerPace pace,
        ExpertCalls calls, ExpertService service, ServiceSender serviceSender, RoutingCounter counter, LayerEngine layers,
        Batcher batcher, HomeDesk home,
        GatewayDesk gateway, ClientStreams clients, DeskLinks desks, BuddyLinks buddies, PageCopier copier, PageKeeper keeper,
        FrameIntake intake) {
    private static final int MAX_SHIPMENTS = 2048;
    private static final int EXPERT_BATCH_ROWS = 64;
    private static final long KEEP_ENDED_NS = TimeUnit.SECONDS.toNanos(30);
    /** Longer than the way to a home and back. */
    private static final long ASK_AGAIN_NS = TimeUnit.MILLISECONDS.toNanos(50);
    private static final int MAX_KEPT_ENDED = 1024;
    /** Released pages wait so long for an offer that may be on its way. */
    private static final long RELEASE_GRACE_NS = TimeUnit.SECONDS.toNanos(2);

    static EngineParts wire(final EngineSettings settings, final Trunk trunk, final KvPool pool, final Links links,
            final int maxFrameLength, final DeviceExecutor device, final long firstKey) {
        final ModelConfig config = trunk.config();
        final int self = links.self().nodeId();
        final WireType wireType = wireType(settings);
        final Rows rows = new Rows(config, settings.maxRunning() + settings.prefillRows());

        final PeerPace pace = new PeerPace(settings.hedging().pace());
        final Router router = new Router(self, pace);
        final CallLedger ledger = new CallLedger(new CallLedger.Limits(settings.receiptTimeout().toNanos(),
                settings.resultFloor().toNanos(), settings.resultFactor(), settings.callTimeout().toNanos(),
                settings.maxAttempts(),
                MAX_SHIPMENTS));
        final Completed completed = new Completed();
        final LocalExperts experts = new LocalExperts(config.expertsPerLayer(), EXPERT_BATCH_ROWS, completed);

        final ServiceSender serviceSender = new ServiceSender(links, router, rows.hidden(), wireType, maxFrameLength);
        final ExpertService service = new ExpertService(settings.remoteRows(), rows.hidden(), rows.maxTopK(), experts,
                serviceSender);

        final RoutingCounter counter = new RoutingCounter(config, rows, firstKey);
        final BuddyLinks buddies = new BuddyLinks(self, links, pool, router, pace);
        final PageCopier copier = copier(settings, config, pool, buddies, links.largestBackgroundFrame());
        final PageKeeper keeper = keeper(settings, config, pool, buddies);
        buddies.connect(copier, keeper);
        final LayerEngine layers = new LayerEngine(trunk, pool, keeper, rows, counter, new FairShare(settings.decodeShare()),
                settings.batchRows());
        final CallSender callSender = new CallSender(links, router, ledger, pace, rows, wireType, maxFrameLength);
        final ExpertCalls calls = new ExpertCalls(self, rows, router, experts, ledger, pace,
                settings.hedging().newBudget(), settings.callTimeout().toNanos(),
                callSender,
                layers);
        callSender.connect(calls);
        completed.connect(calls, service);

        final Batcher batcher = new Batcher(
                new Batcher.Limits(settings.maxWaiting(), settings.maxRunning(), settings.prefillRows(),
                        settings.prefillChunk(), (long) pool.totalPages() * KvPool.POSITIONS_PER_PAGE),
                layers);
        final DeskLinks desks = new DeskLinks(self, links, maxFrameLength, config.maxPositions());
        final HomeDesk home = new HomeDesk(batcher, desks, new HashSet<>(config.eosTokenIds()), KEEP_ENDED_NS, MAX_KEPT_ENDED);
        layers.connect(batcher, calls, new SamplingListener(home, new Sampler(config.vocabSize()), config.eosTokenIds()));

        final ClientStreams clients = new ClientStreams(desks, router, pace, settings.hedging().slowHome().toNanos(), self,
                firstKey);
        final GatewayDesk gateway = new GatewayDesk(new GatewayDesk.Limits(settings.offerTimeout().toNanos(), 3,
                ASK_AGAIN_NS, settings.silence().toNanos(), settings.homeTimeout().toNanos(), settings.takeoverAfter().toNanos(),
                settings.takeoverTimeout().toNanos(), settings.maxTakeovers()), clients);
        final FrameIntake intake = new FrameIntake(config, wireType, rows, router, calls, service, ledger, desks, buddies);
        return new EngineParts(links, router, experts, device, completed, ledger, pace, calls, service, serviceSender, counter,
                layers,
                batcher,
                home,
                gateway, clients, desks, buddies, copier, keeper, intake);
    }

    private static PageCopier copier(final EngineSettings settings, final ModelConfig config, final KvPool pool,
            final BuddyLinks buddies, final int largestFrame) {
        final int pageBytes = Math.toIntExact(pool.pageBytes());
        return new PageCopier(new PageCopier.Limits(KvPool.POSITIONS_PER_PAGE, pageBytes,
                Math.min(pageBytes, KvPageFrame.bytesIn(largestFrame)),
                settings.buddy().enabled() ? settings.buddy().bytesPerSecond() : 0, IdHash.start(config, settings)), buddies);
    }

    private static PageKeeper keeper(final EngineSettings settings, final ModelConfig config, final KvPool pool,
            final BuddyLinks buddies) {
        final int maxPages = settings.buddy().enabled() ? (int) (pool.totalPages() * settings.buddy().share()) : 0;
        return new PageKeeper(new PageKeeper.Limits(KvPool.POSITIONS_PER_PAGE, Math.toIntExact(pool.pageBytes()), maxPages,
                settings.buddy().keep().toNanos(), RELEASE_GRACE_NS, settings.takeoverTimeout().toNanos(),
                IdHash.start(config, settings)), buddies, buddies);
    }

    static WireType wireType(final EngineSettings settings) {
        return settings.wireType() == StorageType.FLOAT32 ? WireType.FLOAT32 : WireType.BFLOAT16;
    }

    EngineStatus status(final Collection<Endpoint> peers, final long nowNs) {
        final ExpertCalls.Counters counts = calls.counters();
        final List<EngineStatus.Peer> peerStates = peers.stream()
                .map(peer -> new EngineStatus.Peer(peer.nodeId(), peer.name(), links.suspected(peer.nodeId(), nowNs),
                        nowNs - links.lastHeardNs(peer.nodeId()), links.queuedBytes(peer.nodeId()),
                        pace.slow(peer.nodeId()), pace.typicalNs(peer.nodeId())))
                .toList();
        return new EngineStatus(router.epoch(), batcher.running(), batcher.waiting(), gateway.open(), layers.pool().totalPages(),
                layers.pool().freePages() + keeper.pages(), layers.rowsInFlight(), service.staged(), experts.count(),
                experts.bytes(),
                layers.steps(),
                layers.positions(), home.tokensGenerated(), batcher.preemptions(), counts.localCalls, counts.remoteCalls,
                counts.repeatedCalls, counts.duplicateReturns, counts.refusedCalls, counts.failedCalls, calls.parked(),
                service.served(), home.refused(), intake.dropped(), links.sentBytes(), counter.status(),
                new EngineStatus.FailOver(gateway.moving(), gateway.takeovers(), gateway.fenced(), home.takenOver()),
                new EngineStatus.Buddy(copier.pagesCopied(), copier.bytesCopied(), copier.givenUp(), keeper.sequences(),
                        keeper.pages(), keeper.evicted(), keeper.mismatched() + buddies.unfit(), keeper.positionsAdopted()),
                new EngineStatus.Hedging(counts.hedgedCalls, counts.hedgesWon), links.losses(), links.drops(), peerStates);
    }
}
