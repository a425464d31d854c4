package shakedown.driver;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;

/** The files that the SDK keeps and reads, and what they tell of where a value came from (nacos-facts.md §3.4). */
final class CacheFiles {

    /**
     * A file that was written shorter ago than this before a read may bear the same time when it is written again:
     * file systems stamp with the kernel's coarse clock.
     */
    private static final Duration COARSE_CLOCK = Duration.ofMillis(20);

    private final Path root;

    /** Where a value came from. */
    enum Source {
        SERVER, SNAPSHOT, FAILOVER, UNKNOWN;

        String word() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    CacheFiles(String cache) {
        root = Path.of(cache, "nacos", "config");
    }

    /**
     * Tells where a listener's content came from. The SDK calls listeners with what a server answered or, while there
     * is a failover file, with that; what lies in a snapshot counts as known already.
     */
    Source ofCallback(String namespace, Command.Item item, String content) {
        return failover(namespace, item).contains(content) ? Source.FAILOVER : Source.SERVER;
    }

    /** What the files are before a read. */
    Reading before(String namespace, Command.Item item) {
        return new Reading(namespace, item, Instant.now(), failover(namespace, item), snapshots(namespace, item));
    }

    /** What the files were before a read. */
    final class Reading {
        private final String namespace;
        private final Command.Item item;
        private final Instant at;
        private final List<String> failover;
        private final Map<Path, FileTime> snapshots;

        private Reading(String namespace, Command.Item item, Instant at, List<String> failover,
                Map<Path, FileTime> snapshots) {
            this.namespace = namespace;
            this.item = item;
            this.at = at;
            this.failover = failover;
            this.snapshots = snapshots;
        }

        /**
         * Tells where the content that was read came from. The SDK takes a failover file before all else. It writes
         * the snapshot after every good answer of a server, also one without news, removes it when the item is gone,
         * and reads it only when there is no such answer. Where it found nothing it does not say why.
         */
        Source after(String content) {
            if (content != null && failover.contains(content)) {
                return Source.FAILOVER;
            }
            if (!snapshots(namespace, item).equals(snapshots)) {
                return Source.SERVER;
            }
            if (content == null) {
                return Source.UNKNOWN;
            }
            if (snapshots.isEmpty()) {
                // Without a file content cannot come from it.
                return Source.SERVER;
            }
            var newest = snapshots.values().stream().max(FileTime::compareTo).orElseThrow().toInstant();
            boolean isAsSaved = snapshots.keySet().stream().map(CacheFiles::read).anyMatch(content::equals);
            boolean wouldShow = Duration.between(newest, at).compareTo(COARSE_CLOCK) >= 0;
            return isAsSaved && wouldShow ? Source.SNAPSHOT : Source.UNKNOWN;
        }
    }

    private List<String> failover(String namespace, Command.Item item) {
        return candidates("data", "config-data", namespace, item).stream()
                .map(CacheFiles::read).filter(Objects::nonNull).toList();
    }

    private Map<Path, FileTime> snapshots(String namespace, Command.Item item) {
        var found = new HashMap<Path, FileTime>();
        for (var path : candidates(".", "snapshot", namespace, item)) {
            try {
                found.put(path, Files.getLastModifiedTime(path));
            } catch (IOException absent) {
                // There is none.
            }
        }
        return found;
    }

    /** The SDK has a folder for each list of servers; 3.x names the default namespace, 2.x does not. */
    private List<Path> candidates(String parent, String child, String namespace, Command.Item item) {
        var found = new ArrayList<Path>();
        try (var folders = Files.newDirectoryStream(root, "*_nacos")) {
            for (var folder : folders) {
                var base = folder.resolve(parent).normalize();
                if (namespace.isEmpty()) {
                    found.add(base.resolve(child).resolve(item.group()).resolve(item.dataId()));
                }
                var tenant = namespace.isEmpty() ? "public" : namespace;
                found.add(base.resolve(child + "-tenant").resolve(tenant).resolve(item.group()).resolve(item.dataId()));
            }
        } catch (IOException none) {
            // The SDK makes the folder with the first file.
        }
        return found;
    }

    private static String read(Path path) {
        try {
            return Files.readString(path);
        } catch (IOException absent) {
            return null;
        }
    }
}
