package io.drover.server;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

import org.jspecify.annotations.Nullable;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigParseOptions;

import picocli.CommandLine.Option;

/** What {@code serve} lets a user choose about its nodes; each option overrides a key of the configuration. */
final class NodeOptions {
    @Option(names = "--model", paramLabel = "DIR", description = "Checkpoint directory in the Hugging Face layout; the embedded model if left out.")
    private @Nullable Path model;

    @Option(names = "--wire", paramLabel = "TYPE", description = "What expert inputs and outputs are rounded to: float32 or bfloat16.")
    private @Nullable String wire;

    @Option(names = "--kv", paramLabel = "TYPE", description = "What keys and values are stored as: float32 or bfloat16.")
    private @Nullable String kv;

    @Option(names = "--port", paramLabel = "PORT", description = "HTTP port; 8080 if left out.")
    private @Nullable Integer port;

    @Option(names = "--conf", paramLabel = "FILE", description = "Configuration (HOCON) for all nodes; the other options override it.")
    private @Nullable Path conf;

    /** The configuration that the options stand for. */
    Config overlay() {
        final Map<String, Object> values = new LinkedHashMap<>();
        if (wire != null) {
            values.put("drover.engine.wire", wire);
        }
        if (kv != null) {
            values.put("drover.engine.kv", kv);
        }
        if (port != null) {
            values.put("drover.http.port", port);
        }
        if (model != null) {
            values.put("drover.cluster.model-directory", model.toString());
        }
        final Config own = ConfigFactory.parseMap(values).withFallback(conf == null ? ConfigFactory.empty() : read(conf));
        if (own.hasPath("drover.cluster.model-directory")) {
            return own;
        }
        return own.withFallback(ConfigFactory.parseMap(Map.of("drover.cluster.model-directory", embeddedModel().toString())));
    }

    /** @throws CommandException if it cannot be read */
    static Config read(final Path file) {
        if (!Files.isReadable(file)) {
            throw new CommandException("cannot read the configuration " + file);
        }
        try {
            return ConfigFactory.parseFile(file.toFile(), ConfigParseOptions.defaults().setAllowMissing(false));
        } catch (final ConfigException e) {
            throw new CommandException("the configuration " + file + " is malformed: " + e.getMessage());
        }
    }

    private static Path embeddedModel() {
        final Path directory = Path.of(System.getProperty("drover.root", "."), "model", "demo").toAbsolutePath().normalize();
        if (!Files.isDirectory(directory)) {
            throw new CommandException(
                    "the embedded model is not in " + directory + "; name a checkpoint's directory with --model");
        }
        return directory;
    }
}
