package sagewright.spark;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.net.URI;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadFactory;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileAlreadyExistsException;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.util.Progressable;

/**
 * A bucket as a file system of Hadoop's, for s3, s3a and s3n: objects are files, prefixes with a slash are directories.
 *
 * A directory without files is an empty object whose key ends with a slash, as hadoop-aws has it.
 * https://hadoop.apache.org/docs/stable/hadoop-project-dist/hadoop-common/filesystem/filesystem.html
 */
public class S3FileSystem extends FileSystem {
    private static final long BLOCK = 32L << 20;
    private static final ExecutorService POOL = Executors.newFixedThreadPool(16, new Daemons());

    private URI uri;
    private Path working;
    private S3Client client;

    private static final class Daemons implements ThreadFactory {
        public Thread newThread(Runnable task) {
            Thread thread = new Thread(task, "sagewright-s3");
            thread.setDaemon(true);
            return thread;
        }
    }

    public void initialize(URI name, Configuration conf) throws IOException {
        super.initialize(name, conf);
        setConf(conf);
        uri = URI.create(name.getScheme() + "://" + name.getAuthority());
        working = new Path("/user", System.getProperty("user.name")).makeQualified(uri, null);
        client = new S3Client(name.getAuthority(), conf);
    }

    public String getScheme() {
        return uri.getScheme();
    }

    public URI getUri() {
        return uri;
    }

    public String getCanonicalServiceName() {
        return null;
    }

    public Path getWorkingDirectory() {
        return working;
    }

    public void setWorkingDirectory(Path path) {
        working = makeQualified(path);
    }

    public long getDefaultBlockSize() {
        return getConf().getLongBytes("fs.s3a.block.size", BLOCK);
    }

    public long getDefaultBlockSize(Path path) {
        return getDefaultBlockSize();
    }

    private String key(Path path) {
        checkPath(path);
        String whole = makeQualified(path).toUri().getPath();
        return whole.startsWith("/") ? whole.substring(1) : whole;
    }

    private Path path(String key) {
        String name = key.endsWith("/") ? key.substring(0, key.length() - 1) : key;
        return new Path(uri.getScheme(), uri.getAuthority(), "/" + name);
    }

    private FileStatus file(S3Client.Entry object) {
        return new FileStatus(object.size, false, 1, getDefaultBlockSize(), object.modified, path(object.key));
    }

    private FileStatus directory(String key) {
        return new FileStatus(0, true, 1, 0, 0, path(key));
    }

    /** null where there is neither. */
    private FileStatus found(String key) throws IOException {
        if (key.isEmpty()) {
            return directory(key);
        }
        S3Client.Entry object = client.head(key);
        if (object != null) {
            return file(object);
        }
        return client.list(key + "/", false, 1).isEmpty() ? null : directory(key);
    }

    public FileStatus getFileStatus(Path path) throws IOException {
        statistics.incrementReadOps(1);
        FileStatus status = found(key(path));
        if (status == null) {
            throw new FileNotFoundException("No such file or directory: " + makeQualified(path));
        }
        return status;
    }

    public FileStatus[] listStatus(Path path) throws IOException {
        statistics.incrementReadOps(1);
        String key = key(path);
        String prefix = key.isEmpty() ? "" : key + "/";
        List found = client.list(prefix, true, 0);
        List children = new ArrayList();
        for (Object each : found) {
            S3Client.Entry entry = (S3Client.Entry) each;
            if (!entry.key.equals(prefix)) {
                children.add(entry.key.endsWith("/") ? directory(entry.key) : file(entry));
            }
        }
        if (found.isEmpty() && !key.isEmpty()) {
            S3Client.Entry object = client.head(key);
            if (object == null) {
                throw new FileNotFoundException("No such file or directory: " + makeQualified(path));
            }
            children.add(file(object));
        }
        return (FileStatus[]) children.toArray(new FileStatus[0]);
    }

    public FSDataInputStream open(Path path, int bufferSize) throws IOException {
        statistics.incrementReadOps(1);
        String key = key(path);
        S3Client.Entry object = key.isEmpty() ? null : client.head(key);
        if (object == null) {
            String what = found(key) == null ? "No such file or directory: " : "Not a file, but a directory: ";
            throw new FileNotFoundException(what + makeQualified(path));
        }
        return new FSDataInputStream(new S3InputStream(client, object, statistics));
    }

    public FSDataOutputStream create(Path path, FsPermission permission, boolean overwrite, int bufferSize,
        short replication, long blockSize, Progressable progress) throws IOException {
        statistics.incrementWriteOps(1);
        String key = key(path);
        FileStatus there = found(key);
        if (there != null && (there.isDirectory() || !overwrite)) {
            throw new FileAlreadyExistsException(makeQualified(path) + (there.isDirectory() ? " is a directory"
                : " already exists"));
        }
        return new FSDataOutputStream(new S3OutputStream(client, key, POOL, statistics), null);
    }

    public FSDataOutputStream createNonRecursive(Path path, FsPermission permission, EnumSet flags, int bufferSize,
        short replication, long blockSize, Progressable progress) throws IOException {
        boolean overwrite = flags.contains(org.apache.hadoop.fs.CreateFlag.OVERWRITE);
        return create(path, permission, overwrite, bufferSize, replication, blockSize, progress);
    }

    public FSDataOutputStream append(Path path, int bufferSize, Progressable progress) throws IOException {
        throw new UnsupportedOperationException("S3 has no append: " + path);
    }

    public boolean mkdirs(Path path, FsPermission permission) throws IOException {
        statistics.incrementWriteOps(1);
        String key = key(path);
        FileStatus there = found(key);
        if (there != null && there.isFile()) {
            throw new FileAlreadyExistsException(makeQualified(path) + " is a file");
        }
        if (there == null) {
            client.put(key + "/", new S3Buffer());
        }
        return true;
    }

    public boolean delete(Path path, boolean recursive) throws IOException {
        statistics.incrementWriteOps(1);
        String key = key(path);
        FileStatus there = found(key);
        if (there == null) {
            return false;
        }
        if (there.isFile()) {
            client.delete(key);
            return true;
        }
        String prefix = key.isEmpty() ? "" : key + "/";
        List objects = client.list(prefix, false, 0);
        if (key.isEmpty()) {
            return objects.isEmpty();  // a bucket is not emptied by mistake
        }
        if (!recursive && (objects.size() > 1 || !((S3Client.Entry) objects.get(0)).key.equals(prefix))) {
            throw new IOException(makeQualified(path) + " is not empty");
        }
        client.delete(objects);
        return true;
    }

    public boolean rename(Path from, Path to) throws IOException {
        statistics.incrementWriteOps(1);
        String source = key(from);
        String target = key(to);
        FileStatus moved = source.isEmpty() ? null : found(source);
        if (moved == null) {
            return false;
        }
        if (source.equals(target)) {
            return moved.isFile();
        }
        FileStatus there = found(target);
        if (there != null && there.isDirectory()) {
            target = (target.isEmpty() ? "" : target + "/") + from.getName();
            there = found(target);
        }
        if (there != null && (there.isFile() || listStatus(there.getPath()).length > 0)) {
            return false;
        }
        if (moved.isFile()) {
            client.copy(new S3Client.Entry(source, moved.getLen(), 0), target);
            client.delete(source);
            return true;
        }
        if (target.startsWith(source + "/")) {
            return false;
        }
        moveAll(client.list(source + "/", false, 0), source.length(), target);
        return true;
    }

    private void moveAll(List objects, int head, String target) throws IOException {
        List copies = new ArrayList();
        for (Object each : objects) {
            S3Client.Entry object = (S3Client.Entry) each;
            copies.add(POOL.submit(new Copy(object, target + object.key.substring(head))));
        }
        for (Object copy : copies) {
            S3OutputStream.result((Future) copy);
        }
        client.delete(objects);
    }

    private final class Copy implements Callable {
        private final S3Client.Entry object;
        private final String target;

        Copy(S3Client.Entry object, String target) {
            this.object = object;
            this.target = target;
        }

        public Object call() throws Exception {
            client.copy(object, target);
            return null;
        }
    }
}
