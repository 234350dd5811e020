// stargz-snapshotter as a daemon: containerd-stargz-grpc is in a module of its own that cannot be installed by version,
// and its library is the same. It takes the address of its socket, its folder, and docker's credentials from HOME.
package main

import (
	"context"
	"log"
	"net"
	"os"
	"os/signal"
	"syscall"

	snapshotsapi "github.com/containerd/containerd/api/services/snapshots/v1"
	"github.com/containerd/containerd/v2/contrib/snapshotservice"
	"github.com/containerd/stargz-snapshotter/service"
	"github.com/containerd/stargz-snapshotter/service/keychain/dockerconfig"
	"google.golang.org/grpc"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: stargz-grpc SOCKET FOLDER")
	}
	ctx := context.Background()
	config := service.Config{}
	// Only what a client reads is fetched.
	config.NoBackgroundFetch = true
	credentials := service.WithCredsFuncs(dockerconfig.NewDockerconfigKeychain(ctx))
	snapshotter, err := service.NewStargzSnapshotterService(ctx, os.Args[2], &config, credentials)
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("unix", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer()
	snapshotsapi.RegisterSnapshotsServer(server, snapshotservice.FromSnapshotter(snapshotter))
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, os.Interrupt)
	go func() {
		<-stop
		server.Stop()
	}()
	if err := server.Serve(listener); err != nil {
		log.Fatal(err)
	}
	// The mounts of its file systems end.
	if err := snapshotter.Close(); err != nil {
		log.Fatal(err)
	}
}
